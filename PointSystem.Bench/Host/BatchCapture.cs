using System.Globalization;
using Microsoft.Extensions.Logging;
using Npgsql;
using PointSystem.Api.Configuration;
using PointSystem.Api.Features.Points;
using PointSystem.Api.Ledger;
using PointSystem.Bench.Contenders;

namespace PointSystem.Bench.Host;

/// <summary>Writes a batch of uses with the product's ledger and returns the statements that the server has prepared for it.</summary>
internal sealed class BatchCapture(
    NpgsqlDataSource database, RulesProvider rules, StoredRefusals refusals, TimeProvider clock, ILogger<PointLedger> logger)
{
    private const long MemberId = 1;
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(5);

    public async Task<IReadOnlyList<PreparedStatement>> RunAsync(string connectionString, int uses, CancellationToken cancellationToken)
    {
        // One connection of its own, which has prepared nothing yet and prepares everything at once.
        var settings = new NpgsqlConnectionStringBuilder(connectionString)
        {
            Options = new NpgsqlConnectionStringBuilder(database.ConnectionString).Options,
            MaxPoolSize = 1,
            MaxAutoPrepare = 100,
            AutoPrepareMinUsages = 1,
        };
        await using var own = NpgsqlDataSource.Create(settings);
        var commands = Enumerable.Range(1, uses).Select(number => new UsePoints.Command(
            MemberId, string.Create(CultureInfo.InvariantCulture, $"capture-{number}"), 1, "bench", null));
        var outcomes = await new PointLedger(own, rules, refusals, clock, logger).ExecuteAsync([.. commands], Limit, cancellationToken);
        if (outcomes.FirstOrDefault(outcome => outcome?.Error is not null) is { } refused)
        {
            throw new BenchException($"The batch to capture was refused: {refused.Error!.Message}");
        }

        // Npgsql numbers the names of what it prepares, in the order in which it is sent. A first batch can be so slow that the ledger asks whether its
        // transaction is still open (SELECT 1); others do not.
        await using var command = own.CreateCommand(
            """
            SELECT statement, parameter_types::text[] FROM pg_prepared_statements
            WHERE statement !~ 'pg_prepared_statements' AND statement <> 'SELECT 1' ORDER BY substring(name FROM '\d+')::int
            """);
        var found = new List<PreparedStatement>();
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            found.Add(new PreparedStatement(reader.GetString(0), reader.GetFieldValue<string[]>(1)));
        }

        return found;
    }
}
