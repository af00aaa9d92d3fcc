using System.Diagnostics;
using System.Globalization;
using PointSystem.Api.Features.Points;
using PointSystem.Api.Ledger;
using PointSystem.Domain.Policies;
using PointSystem.Locking;
using PointSystem.Tests.Domain;
using PointSystem.Tests.Features;

namespace PointSystem.Tests.Proof.Properties;

/// <summary>
/// Many callers that send random commands to several replicas, for few members and with small amounts, so that they conflict all the time. Some
/// requests have an idempotency key and are repeated: concurrently at another replica, after the answer, or much later by another caller.
/// </summary>
/// <param name="replicas">Each request goes to one of them.</param>
/// <param name="seed">Determines everything except the scheduling.</param>
/// <param name="members">The members of the commands.</param>
internal sealed class Load(IReadOnlyList<PointReplica> replicas, int seed, IReadOnlyList<long> members)
{
    /// <summary>The limits that the load expects in the database.</summary>
    public static readonly PointPolicy Policy = new() { MaxAccumulationAmountPerTime = 15, MaxBalancePerMember = 60 };

    private readonly Lock _sync = new();
    private readonly List<Operation> _operations = [];
    private readonly List<(Operation Asked, IPointCommand Command)> _keyed = [];
    private readonly Dictionary<(StepKind, int), List<string>> _targets = [];

    /// <summary>The exceptions of requests without an answer.</summary>
    public List<Exception> Faults { get; } = [];

    /// <summary>Number of requests that timed out while waiting for a lock; they had no effect.</summary>
    public int TimedOut { get; private set; }

    public IReadOnlyList<Operation> Operations => _operations;

    /// <summary>Whether an exception is expected: it is added to <see cref="Faults"/> and the load continues.</summary>
    public Func<Exception, bool> MayFail { get; init; } = _ => false;

    /// <summary>Chooses the kind of a command; by default from all kinds.</summary>
    public Func<Random, StepKind> Choose { get; init; } = random => random.Next(100) switch
    {
        < 34 => StepKind.Accumulate,
        < 62 => StepKind.Use,
        < 76 => StepKind.CancelUsage,
        < 82 => StepKind.CancelLot,
        _ => StepKind.Transfer,
    };

    public Task RunAsync(int callers, int steps, CancellationToken cancellationToken) => Task.WhenAll(
        Enumerable.Range(0, callers).Select(caller => Task.Run(
            () => CallAsync(new Random((seed * 1_000) + caller), steps, cancellationToken), cancellationToken)));

    private async Task CallAsync(Random random, int steps, CancellationToken cancellationToken)
    {
        for (var i = 0; i < steps; i++)
        {
            var (asked, command) = Next(random);
            var copies = asked.IdempotencyKey is null ? 1 : random.Next(1, 4);
            var isTogether = random.Next(2) == 0;
            var sent = new List<Task>();
            for (var copy = 0; copy < copies; copy++)
            {
                var one = SendAsync(replicas[random.Next(replicas.Count)], asked, command, cancellationToken);
                sent.Add(one);
                if (!isTogether)
                {
                    await one;
                }
            }
            await Task.WhenAll(sent);
        }
    }

    private (Operation Asked, IPointCommand Command) Next(Random random)
    {
        lock (_sync)
        {
            if (_keyed.Count > 0 && random.Next(20) == 0)
            {
                return _keyed[random.Next(_keyed.Count)];
            }
            var asked = Invent(random);
            var command = CommandFor(asked);
            if (asked.IdempotencyKey is not null)
            {
                _keyed.Add((asked, command));
            }
            return (asked, command);
        }
    }

    private Operation Invent(Random random)
    {
        var kind = Choose(random);
        var member = random.Next(members.Count);
        var isCancellation = kind is StepKind.CancelLot or StepKind.CancelUsage;
        var target = isCancellation ? Target(kind, member, random) : null;
        if (isCancellation && target is null)
        {
            kind = StepKind.Accumulate;
        }

        // The expiration dates are far apart, so a date change during the load does not change which lot expires first.
        var step = new Step(
            kind, member, random.Next(members.Count), random.Next(1, 18), Days: 1 + (10 * random.Next(1, 4)), Flag: random.Next(3) == 0, Pick: 0);
        if (step.Kind == StepKind.Transfer && step.Other == step.Member && members.Count > 1 && random.Next(8) > 0)
        {
            step = step with { Other = (step.Member + 1) % members.Count };
        }
        return new Operation(step, 0, 0)
        {
            Target = target,
            IdempotencyKey = random.Next(10) < 3 ? string.Create(CultureInfo.InvariantCulture, $"{members[0]}-{_keyed.Count}") : null,
        };
    }

    private string? Target(StepKind kind, int member, Random random)
    {
        var known = _targets.GetValueOrDefault((kind, member), []);
        // Mostly recent ones, because older ones tend to be used up.
        return known.Count == 0 ? null : known[Math.Max(0, known.Count - 1 - random.Next(random.Next(4) == 0 ? known.Count : 6))];
    }

    private IPointCommand CommandFor(Operation asked)
    {
        var step = asked.Step;
        var member = members[step.Member];
        Idempotency? For(string operation, params ReadOnlySpan<object?> arguments) => Idempotency.For(
            asked.IdempotencyKey is { } key ? new IdempotencyKey(key, "load") : null, operation, arguments);
        switch (step.Kind)
        {
            case StepKind.Accumulate:
                return new AccumulatePoints.Command(
                    member, step.Amount, step.Days - 1, step.Flag, null, "load", For("accumulate", member, step.Amount, step.Days, step.Flag));
            case StepKind.Use:
                return new UsePoints.Command(member, "A1", step.Amount, "load", For("use", member, step.Amount));
            case StepKind.CancelUsage:
                return new CancelUsage.Command(
                    LedgerClient.Key(asked.Target!), step.Flag ? null : step.Amount, null, "load",
                    For("cancel-usage", asked.Target, step.Flag ? null : step.Amount));
            case StepKind.CancelLot:
                return new CancelAccumulation.Command(LedgerClient.Key(asked.Target!), null, "load", For("cancel-accumulation", asked.Target));
            default:
                var receiver = members[step.Other];
                return new TransferPoints.Command(member, receiver, step.Amount, null, "load", For("transfer", member, receiver, step.Amount));
        }
    }

    private async Task SendAsync(PointReplica replica, Operation asked, IPointCommand command, CancellationToken cancellationToken)
    {
        var beganAt = Stopwatch.GetTimestamp();
        try
        {
            var outcome = await (command switch
            {
                AccumulatePoints.Command accumulate => replica.SendAsync(accumulate, cancellationToken),
                UsePoints.Command use => replica.SendAsync(use, cancellationToken),
                CancelUsage.Command cancel => replica.SendAsync(cancel, cancellationToken),
                CancelAccumulation.Command cancel => replica.SendAsync(cancel, cancellationToken),
                TransferPoints.Command transfer => replica.SendAsync(transfer, cancellationToken),
                _ => throw new InvalidOperationException(command.GetType().Name),
            });
            Record(Answers.Read(asked, outcome) with { BeganAt = beganAt, EndedAt = Stopwatch.GetTimestamp() });
        }
        catch (LockNotAcquiredException)
        {
            lock (_sync)
            {
                TimedOut++;
            }
        }
        catch (Exception fault) when (MayFail(fault))
        {
            lock (_sync)
            {
                Faults.Add(fault);
            }
        }
    }

    private void Record(Operation operation)
    {
        lock (_sync)
        {
            _operations.Add(operation);
            if (operation.Refusal is null && operation.Step.Kind is StepKind.Accumulate or StepKind.Use)
            {
                var kind = operation.Step.Kind == StepKind.Use ? StepKind.CancelUsage : StepKind.CancelLot;
                var known = _targets.TryGetValue((kind, operation.Step.Member), out var have) ? have : _targets[(kind, operation.Step.Member)] = [];
                known.Add(operation.PointKey!);
            }
        }
    }
}
