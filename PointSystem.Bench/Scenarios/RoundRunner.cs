using System.Diagnostics;
using PointSystem.Bench.Contenders;
using PointSystem.Bench.Servers;
using PointSystem.Bench.Stats;

namespace PointSystem.Bench.Scenarios;

/// <summary>Runs contenders in rounds, and counts everything that must be in the ledger afterwards.</summary>
internal sealed class RoundRunner(BenchRun run, BenchCluster cluster)
{
    // Share of one processor.
    private const double Idle = 0.15;
    private static readonly TimeSpan SettleWindow = TimeSpan.FromSeconds(0.5);
    private static readonly TimeSpan SettleLimit = TimeSpan.FromSeconds(20);
    private long _accepted;
    private long _unanswered;

    /// <summary>Runs A B C, A B C …; each contender enters, warms up, is measured and leaves.</summary>
    /// <param name="contenders">The contenders, in the order of their turns.</param>
    /// <param name="rounds">Number of rounds.</param>
    /// <param name="warmUp">The warm-up; not counted. Round 0 is only a warm-up, so that no contender pays for being the first to run some code.</param>
    /// <param name="measure">The measured load.</param>
    /// <param name="time">How long it is measured; it may end earlier.</param>
    /// <param name="cancellationToken">Cancels the run.</param>
    public async Task<IReadOnlyDictionary<string, List<Turn>>> RoundsAsync(
        IReadOnlyList<Contender> contenders, int rounds, Func<Contender, int, Task<Turn>> warmUp, Func<Contender, Task<Turn>> measure,
        TimeSpan time, CancellationToken cancellationToken)
    {
        var turns = contenders.ToDictionary(contender => contender.Name, _ => new List<Turn>());
        for (var round = 0; round <= rounds; round++)
        {
            foreach (var contender in contenders)
            {
                await contender.EnterAsync(cluster, cancellationToken);
                var warm = Count(await warmUp(contender, round));
                if (round == 0)
                {
                    run.Say($"warm-up    {Describe(contender, warm)}");
                }
                else
                {
                    var turn = await MeasureAsync(
                        () => measure(contender), contender is PgbenchContender ? Timeout.InfiniteTimeSpan : time, cancellationToken);
                    turns[contender.Name].Add(turn);
                    run.Say($"round {round}/{rounds}  {Describe(contender, turn)}");
                }

                await contender.LeaveAsync(cluster, cancellationToken);
            }

            if (round == 0)
            {
                await SettleAsync(cancellationToken);
            }
        }

        return turns;
    }

    /// <summary>
    /// Runs the load and records what the system did in the meantime. Processor time ends with the measured time: the last answers can be late, and what the
    /// system does then is not for the requests that are counted.
    /// </summary>
    /// <param name="load">The load.</param>
    /// <param name="time">The measured time, infinite if only the load knows when it begins.</param>
    /// <param name="cancellationToken">Cancels the run.</param>
    public async Task<Turn> MeasureAsync(Func<Task<Turn>> load, TimeSpan time, CancellationToken cancellationToken)
    {
        var transactions = await TransactionsAsync(cancellationToken);
        var locks = await cluster.LockCommands.ReadAsync();
        var processors = ProcessorTime.Read(cluster);
        var running = load();
        await Task.WhenAny(running, Task.Delay(time, cancellationToken));
        var used = ProcessorTime.Between(processors, ProcessorTime.Read(cluster));
        var turn = Count(await running);
        var locksAfter = await cluster.LockCommands.ReadAsync();
        return turn with
        {
            Cpu = used,
            Transactions = await TransactionsAsync(cancellationToken) - transactions,
            LockAttempts = locksAfter?.Attempts - locks?.Attempts,
            LockReleases = locksAfter?.Releases - locks?.Releases,
        };
    }

    /// <summary>Counts the accepted requests of a turn, which must be in the ledger.</summary>
    /// <exception cref="BenchException">Members had no points left, so that less was measured than it seems.</exception>
    public Turn Count(Turn turn)
    {
        if (turn.ErrorKinds.TryGetValue("422", out var refused))
        {
            throw new BenchException($"{refused} requests were refused because members had no points left: measure fewer rounds, or for fewer seconds.");
        }

        _accepted += turn.Accepted;
        _unanswered += turn.ErrorKinds.GetValueOrDefault("no answer");
        return turn;
    }

    /// <summary>Checks that everything accepted was written exactly once and adds up. Returns a sentence for the report.</summary>
    public async Task<string> CheckLedgerAsync(CancellationToken cancellationToken)
    {
        run.Say("Checking the ledger ...");
        return await LedgerCheck.RunAsync(cluster, 0, _accepted, _unanswered, cancellationToken);
    }

    /// <summary>Returns one sentence per kind of error with its count.</summary>
    public static IEnumerable<string> ErrorNotes(IReadOnlyDictionary<string, List<Turn>> turns) =>
        from contender in turns
        from kind in contender.Value.SelectMany(turn => turn.ErrorKinds).GroupBy(kind => kind.Key, kind => kind.Value)
        select FormattableString.Invariant($"Errors of {contender.Key}: {kind.Sum():N0} × {kind.Key}.");

    private static string Describe(Contender contender, Turn turn) => FormattableString.Invariant(
        $"{contender.Name,-24} {turn.PerSecond,8:N0}/s  p50 {turn.P50,7:N1} ms  p99 {turn.P99,7:N1} ms  errors {turn.Errors}");

    // Every transaction that locks or writes a row gets a number, in order.
    private Task<long> TransactionsAsync(CancellationToken cancellationToken) =>
        cluster.ScalarAsync<long>("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint", cancellationToken);

    /// <summary>Waits until the JIT compiler of the replicas has finished with the code that the warm-up has run.</summary>
    public async Task SettleAsync(CancellationToken cancellationToken)
    {
        var watch = Stopwatch.StartNew();
        while (run.Options.WarmUp is null or >= 1 && watch.Elapsed < SettleLimit)
        {
            var before = ProcessorTime.Read(cluster);
            await Task.Delay(SettleWindow, cancellationToken);
            var used = ProcessorTime.Between(before, ProcessorTime.Read(cluster));
            if (used.Values.Sum() < Idle * SettleWindow.TotalSeconds)
            {
                return;
            }
        }
    }
}
