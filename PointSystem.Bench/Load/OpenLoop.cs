using System.Diagnostics;
using System.Net;
using PointSystem.Bench.Stats;

namespace PointSystem.Bench.Load;

/// <summary>
/// Sends requests at a fixed rate, independent of the answers. A request that is sent late, because all callers were still waiting, is
/// measured from its scheduled time: a slow system cannot hide its slowness by being asked less often.
/// </summary>
internal sealed class OpenLoop(IReadOnlyList<IPEndPoint> targets, int perSecond, Func<int, Members> members)
{
    // Enough for answers of up to about a third of a second.
    private const int Callers = 64;
    private const int StackBytes = 256 * 1024;
    private static readonly TimeSpan AnswerLimit = TimeSpan.FromSeconds(30);
    private static int _runs;

    /// <inheritdoc cref="ClosedLoop.Reads"/>
    public Func<string, Request>? Reads { get; init; }

    public Turn Run(TimeSpan time)
    {
        var run = Interlocked.Increment(ref _runs);
        var recordings = Enumerable.Range(0, Callers).Select(_ => new Recording()).ToList();
        var total = (long)(perSecond * time.TotalSeconds);
        var began = Stopwatch.GetTimestamp();
        long next = -1;
        Exception? fault = null;
        var threads = Enumerable.Range(0, Callers).Select(number => new Thread(() => Call(number), StackBytes) { IsBackground = true }).ToList();
        threads.ForEach(thread => thread.Start());
        threads.ForEach(thread => thread.Join());
        return fault is null ? Recording.Merge(recordings, time.TotalSeconds) : throw new BenchException($"The load generator failed: {fault.Message}", fault);

        void Call(int number)
        {
            var target = targets[number % targets.Count];
            var request = Reads?.Invoke(target.ToString()) ?? new UseRequest(target.ToString(), $"O{Environment.ProcessId}-{run}-{number}", 1);
            var who = members(number);
            using var caller = new HttpCaller(target, AnswerLimit);
            using var never = new ManualResetEventSlim();
            try
            {
                long mine;
                while ((mine = Interlocked.Increment(ref next)) < total)
                {
                    var due = began + (long)(mine * (double)Stopwatch.Frequency / perSecond);
                    var early = Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp(), due);
                    if (early > TimeSpan.Zero)
                    {
                        never.Wait(early);
                    }

                    var status = caller.Send(request.Next(who.Next()));
                    var now = Stopwatch.GetTimestamp();
                    recordings[number].Add(now, Math.Max(0, now - due), status, inTime: true);
                }
            }
            catch (Exception e)
            {
                fault = e;
            }
        }
    }
}
