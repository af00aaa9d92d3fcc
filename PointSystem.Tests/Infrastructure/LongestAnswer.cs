using System.Diagnostics;

namespace PointSystem.Tests.Infrastructure;

/// <summary>How long the callers of a load had to wait at most. It is printed with the test's result and never asserted: the machine may be slow.</summary>
internal sealed class LongestAnswer
{
    private readonly Lock _sync = new();
    private TimeSpan _longest;

    public async Task<Answer> OfAsync(Func<Task<Answer>> send)
    {
        var sent = Stopwatch.GetTimestamp();
        var answer = await send();
        var took = Stopwatch.GetElapsedTime(sent);
        lock (_sync)
        {
            _longest = took > _longest ? took : _longest;
        }
        return answer;
    }

    public void Print() => TestContext.Current.TestOutputHelper?.WriteLine($"Longest answer: {_longest.TotalSeconds:0.00} s");
}
