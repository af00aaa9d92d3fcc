using System.Diagnostics;
using PointSystem.Bench.Stats;

namespace PointSystem.Bench.Load;

/// <summary>One caller's measurements. Only its own thread writes them.</summary>
internal sealed class Recording
{
    private long[] _latencies = new long[4096];
    private long[] _ends = new long[4096];
    private readonly List<(long End, int Status)> _errors = [];
    private int _count;

    /// <summary>Unsuccessful answers in the measured time.</summary>
    public long ErrorsInTime { get; private set; }

    /// <summary>Answers in the measured time.</summary>
    public long InTime { get; private set; }

    public long Accepted { get; private set; }

    public ReadOnlySpan<long> Latencies => _latencies.AsSpan(0, _count);

    /// <summary>Arrival time of each answer, in stopwatch ticks.</summary>
    public ReadOnlySpan<long> Ends => _ends.AsSpan(0, _count);

    /// <param name="end">Arrival time of the answer, in stopwatch ticks.</param>
    /// <param name="latency">Latency in stopwatch ticks.</param>
    /// <param name="status">The status: 200 or 201 if the request succeeded.</param>
    /// <param name="inTime">Whether the answer came within the measured time.</param>
    public void Add(long end, long latency, int status, bool inTime)
    {
        if (_count == _latencies.Length)
        {
            Array.Resize(ref _latencies, _count * 2);
            Array.Resize(ref _ends, _count * 2);
        }

        _ends[_count] = end;
        _latencies[_count++] = latency;
        InTime += inTime ? 1 : 0;
        if (status is 200 or 201)
        {
            Accepted++;
            return;
        }

        ErrorsInTime += inTime ? 1 : 0;
        _errors.Add((end, status));
    }

    /// <summary>Merges the measurements of all callers into one turn.</summary>
    public static Turn Merge(IReadOnlyList<Recording> recordings, double seconds)
    {
        var all = new long[recordings.Sum(recording => recording._count)];
        var at = 0;
        foreach (var recording in recordings)
        {
            recording.Latencies.CopyTo(all.AsSpan(at));
            at += recording._count;
        }

        return Summarize(all, recordings.SelectMany(recording => recording._errors), seconds) with
        {
            Requests = recordings.Sum(recording => recording.InTime),
            Errors = recordings.Sum(recording => recording.ErrorsInTime),
            Accepted = recordings.Sum(recording => recording.Accepted),
        };
    }

    /// <summary>
    /// The answers between two moments (in stopwatch ticks) of a load that went on before and after them. None counts as accepted here: the turn of the
    /// whole load counts them.
    /// </summary>
    public static Turn Slice(IReadOnlyList<Recording> recordings, long from, long to)
    {
        var latencies = new List<long>();
        foreach (var recording in recordings)
        {
            for (var i = 0; i < recording._count; i++)
            {
                if (recording._ends[i] >= from && recording._ends[i] < to)
                {
                    latencies.Add(recording._latencies[i]);
                }
            }
        }

        var errors = recordings.SelectMany(recording => recording._errors).Where(error => error.End >= from && error.End < to);
        return Summarize([.. latencies], errors, Stopwatch.GetElapsedTime(from, to).TotalSeconds);
    }

    /// <summary>
    /// Returns the latencies in milliseconds, ascending, of all requests that were running or sent between two moments (in stopwatch
    /// ticks).
    /// </summary>
    public static double[] Between(IReadOnlyList<Recording> recordings, long from, long to)
    {
        var found = new List<double>();
        foreach (var recording in recordings)
        {
            for (var i = 0; i < recording._count; i++)
            {
                if (recording._ends[i] >= from && recording._ends[i] - recording._latencies[i] < to)
                {
                    found.Add(Milliseconds(recording._latencies[i]));
                }
            }
        }

        return [.. found.Order()];
    }

    private static Turn Summarize(long[] latencies, IEnumerable<(long End, int Status)> errors, double seconds)
    {
        Array.Sort(latencies);
        double Ms(double percent) => latencies.Length == 0 ? double.NaN : Milliseconds(Percentile.Of<long>(latencies, percent));
        var kinds = errors.CountBy(error => error.Status).ToDictionary(
            kind => kind.Key == HttpCaller.NoAnswer ? "no answer" : $"{kind.Key}", kind => (long)kind.Value);
        return new Turn
        {
            Requests = latencies.Length,
            Answered = latencies.Length,
            Seconds = seconds,
            Errors = kinds.Values.Sum(),
            ErrorKinds = kinds,
            Accepted = 0,
            Mean = latencies.Length == 0 ? double.NaN : Milliseconds(1) * latencies.Average(),
            P50 = Ms(50),
            P95 = Ms(95),
            P99 = Ms(99),
            Max = Ms(100),
        };
    }

    private static double Milliseconds(long ticks) => ticks * 1000.0 / Stopwatch.Frequency;
}
