using System.Security.Cryptography;
using Microsoft.Extensions.Hosting.Internal;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using Npgsql;
using PointSystem.Api.Configuration;
using PointSystem.Api.Features.Points;
using PointSystem.Api.Ledger;
using PointSystem.Domain.Points;
using PointSystem.Domain.Policies;

namespace PointSystem.Tests.Features;

/// <summary>Runs commands through <see cref="PointLedger"/>, chosen by the test or at random, on a clock that the test moves.</summary>
internal sealed class LedgerClient
{
    private readonly NpgsqlDataSource _database;
    private readonly PointLedger _ledger;
    private readonly Random _random;
    private readonly List<PointKey> _usages = [];

    public LedgerClient(NpgsqlDataSource database, int seed)
    {
        _database = database;
        _random = new Random(seed);
        var rules = new RulesProvider(
            database, Clock, Options.Create(new BusinessOptions()), new HostingEnvironment { EnvironmentName = "Test" }, NullLogger<RulesProvider>.Instance);
        Refusals = new StoredRefusals(Options.Create(new RateLimitOptions()), Clock);
        _ledger = new PointLedger(database, rules, Refusals, Clock, NullLogger<PointLedger>.Instance);
    }

    public PointLedger Ledger => _ledger;

    public StoredRefusals Refusals { get; }

    public static TimeZoneInfo Zone { get; } = new BusinessOptions().Zone();

    public FakeTimeProvider Clock { get; } = new(new DateTimeOffset(2026, 3, 1, 3, 0, 0, TimeSpan.Zero));

    /// <summary>The default rules at the current time of <see cref="Clock"/>.</summary>
    public Rules Rules => new(PointPolicy.Default, Now);

    public BusinessMoment Now => new(Clock.GetUtcNow(), Zone);

    public Task<CommandOutcome> AccumulateAsync(long member, long amount, int days = 30, bool manual = false) =>
        RunAsync(new AccumulatePoints.Command(member, amount, days, manual, null, "test", null));

    public async Task<PointKey> UseAsync(long member, string order, long amount)
    {
        var outcome = await RunAsync(new UsePoints.Command(member, order, amount, "test", null));
        Assert.Null(outcome.Error);
        return KeyOf(outcome);
    }

    public Task<CommandOutcome> CancelAsync(PointKey usage, long? amount) => RunAsync(new CancelUsage.Command(usage, amount, "why", "test", null));

    public Task<CommandOutcome> TransferAsync(long from, long to, long amount) =>
        RunAsync(new TransferPoints.Command(from, to, amount, null, "test", null));

    /// <summary>Runs several commands in one transaction.</summary>
    public async Task<IReadOnlyList<CommandOutcome>> ExecuteAsync(params IReadOnlyList<IPointCommand> commands)
    {
        var outcomes = await _ledger.ExecuteAsync(commands, TimeSpan.FromSeconds(5), Token);
        return [.. outcomes.Select(outcome => outcome ?? throw new InvalidOperationException("A command was left out."))];
    }

    /// <summary>Grants that many lots of <paramref name="each"/> points, which expire after 30 days.</summary>
    public async Task GrantManyAsync(long member, int lots, long each)
    {
        foreach (var chunk in Enumerable.Range(0, lots).Chunk(2_500))
        {
            await ExecuteAsync([.. chunk.Select(_ => new AccumulatePoints.Command(member, each, 30, false, null, "test", null))]);
        }
    }

    public static PointKey Key(string? text) => PointKey.TryParse(text, out var key) ? key : throw new FormatException(text);

    public static PointKey NewKey(PointKeyType type, long member) =>
        PointKey.Create(type, member, RandomNumberGenerator.GetBytes(PointKey.EntropyBytes));

    public static PointKey KeyOf(CommandOutcome outcome)
    {
        using var answer = System.Text.Json.JsonDocument.Parse(outcome.Answer);
        return Key(answer.RootElement.GetProperty("pointKey").GetString());
    }

    /// <summary>Runs one random command, which may be refused.</summary>
    public async Task StepAsync(long member, long other)
    {
        Clock.Advance(TimeSpan.FromHours(_random.Next(0, 30)));
        switch (_random.Next(6))
        {
            case 0 or 1:
                await AccumulateAsync(member, _random.Next(1, 500), _random.Next(1, 12), _random.Next(3) == 0);
                break;
            case 2 or 3:
                var used = await RunAsync(new UsePoints.Command(member, $"order {_random.Next(4)}", _random.Next(1, 600), "test", null));
                if (used.Error is null)
                {
                    _usages.Add(KeyOf(used));
                }

                break;
            case 4 when _usages.Count > 0:
                await CancelAsync(_usages[_random.Next(_usages.Count)], _random.Next(3) == 0 ? null : _random.Next(1, 300));
                break;
            default:
                await TransferAsync(member, other, _random.Next(1, 300));
                break;
        }
    }

    /// <summary>The ledger of a member with the data of each lot; the reference that reads are checked against.</summary>
    public async Task<IReadOnlyList<LedgerLine>> LedgerAsync(long member)
    {
        await using var command = _database.CreateCommand(
            """
            SELECT e.sequence, e.group_sequence, e.kind, e.point_key, a.point_key, e.delta, e.balance_after, e.occurred_at,
                a.expiration_date, a.is_manual_grant, a.created_at, a.lot_id
            FROM point_ledger_entries AS e JOIN point_accumulations AS a USING (member_id, lot_id)
            WHERE e.member_id = $1 ORDER BY e.sequence
            """);
        command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = member });
        await using var reader = await command.ExecuteReaderAsync(Token);
        var lines = new List<LedgerLine>();
        while (await reader.ReadAsync(Token))
        {
            lines.Add(new LedgerLine(
                reader.GetInt64(0), reader.GetInt64(1), reader.GetString(2), reader.GetString(3), reader.GetString(4), reader.GetInt64(5), reader.GetInt64(6),
                reader.GetFieldValue<DateTimeOffset>(7), reader.GetFieldValue<DateOnly>(8), reader.GetBoolean(9),
                reader.GetFieldValue<DateTimeOffset>(10), reader.GetInt64(11)));
        }

        return lines;
    }

    public async Task<CommandOutcome> RunAsync(IPointCommand command) => (await ExecuteAsync(command))[0];
}

internal sealed record LedgerLine(
    long Sequence,
    long Group,
    string Kind,
    string PointKey,
    string LotKey,
    long Delta,
    long BalanceAfter,
    DateTimeOffset OccurredAt,
    DateOnly ExpirationDate,
    bool IsManualGrant,
    DateTimeOffset CreatedAt,
    long LotId);
