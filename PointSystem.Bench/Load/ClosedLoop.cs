using System.Diagnostics;
using System.Net;
using PointSystem.Bench.Stats;

namespace PointSystem.Bench.Load;

/// <summary>Callers that each send the next request as soon as the last one is answered, each on its own thread and connection.</summary>
internal sealed class ClosedLoop(IReadOnlyList<IPEndPoint> targets, int callers, Func<int, Members> members)
{
    private const int StackBytes = 256 * 1024;
    private static readonly TimeSpan AnswerLimit = TimeSpan.FromSeconds(30);
    private static int _runs;

    /// <summary>Points of each use.</summary>
    public long Amount { get; init; } = 1;

    /// <summary>Whether each request has an Idempotency-Key.</summary>
    public bool WithKeys { get; init; }

    /// <summary>Makes a caller's reads, by the address that it calls; null for uses.</summary>
    public Func<string, Request>? Reads { get; init; }

    /// <summary>Runs for a time, or until a number of requests has been sent.</summary>
    /// <param name="time">Measured time; with <paramref name="requests"/> the maximum.</param>
    /// <param name="requests">Requests of all callers together; null for as many as fit into the time.</param>
    /// <param name="inspect">Receives all measurements.</param>
    /// <param name="stop">Ends the load earlier.</param>
    public Turn Run(
        TimeSpan time, long? requests = null, Action<IReadOnlyList<Recording>>? inspect = null, CancellationToken stop = default)
    {
        var run = Interlocked.Increment(ref _runs);
        var recordings = Enumerable.Range(0, callers).Select(_ => new Recording()).ToList();
        var left = requests ?? long.MaxValue;
        long end = 0;
        long last = 0;
        Exception? fault = null;
        using var start = new ManualResetEventSlim();
        var threads = Enumerable.Range(0, callers).Select(number => new Thread(() => Call(number), StackBytes) { IsBackground = true }).ToList();
        threads.ForEach(thread => thread.Start());
        var began = Stopwatch.GetTimestamp();
        Volatile.Write(ref end, began + (long)(time.TotalSeconds * Stopwatch.Frequency));
        start.Set();
        threads.ForEach(thread => thread.Join());
        if (fault is not null)
        {
            throw new BenchException($"The load generator failed: {fault.Message}", fault);
        }

        inspect?.Invoke(recordings);
        return Recording.Merge(recordings, requests is null && !stop.IsCancellationRequested ? time.TotalSeconds : Stopwatch.GetElapsedTime(began, last).TotalSeconds);

        void Call(int number)
        {
            var recording = recordings[number];
            var target = targets[number % targets.Count];
            var request = Reads?.Invoke(target.ToString())
                ?? new UseRequest(target.ToString(), $"B{Environment.ProcessId}-{run}-{number}", Amount, WithKeys);
            var who = members(number);
            using var caller = new HttpCaller(target, AnswerLimit);
            start.Wait(CancellationToken.None);
            try
            {
                var finish = Volatile.Read(ref end);
                var now = Stopwatch.GetTimestamp();
                while (now < finish && !stop.IsCancellationRequested && fault is null && (requests is null || Interlocked.Decrement(ref left) >= 0))
                {
                    var bytes = request.Next(who.Next());
                    var sent = now;
                    var status = caller.Send(bytes);
                    now = Stopwatch.GetTimestamp();
                    recording.Add(now, now - sent, status, now <= finish);
                }

                InterlockedMax(ref last, now);
            }
            catch (Exception e)
            {
                fault = e;
            }
        }
    }

    private static void InterlockedMax(ref long target, long value)
    {
        long seen;
        while ((seen = Volatile.Read(ref target)) < value && Interlocked.CompareExchange(ref target, value, seen) != seen)
        {
        }
    }
}
