using BenchmarkDotNet.Attributes;
using PointSystem.Locking;
using PointSystem.Locking.Keys;

namespace PointSystem.Bench.Micro;

/// <summary>Builds the key of a command from its template.</summary>
public class LockKeyBenchmark
{
    private readonly CommandLock<Command> _lock =
        new(LockKeyTemplate.Parse("point:use:member:{MemberId}", typeof(Command)), new LockOptions());

    private readonly Command _command = new(4_711_000_042);

    [Benchmark]
    public string KeyFor() => _lock.KeyFor(_command);

    internal sealed record Command(long MemberId);
}
