using System.Reflection;

namespace PointSystem.Locking.Keys;

/// <summary>All locks of one command type.</summary>
internal sealed class CommandLocks<TCommand> : ICommandLocks
{
    private readonly CommandLock<TCommand>[] _locks;

    public CommandLocks(Func<DistributedLockAttribute, string, LockOptions> optionsFor)
    {
        var declared = typeof(TCommand).GetCustomAttributes<DistributedLockAttribute>(inherit: false).ToArray();
        if (declared.Length == 0)
        {
            throw new InvalidOperationException($"{typeof(TCommand).FullName} is registered as a locked command but has no [DistributedLock].");
        }
        _locks = [.. declared.Select(attribute =>
        {
            var template = LockKeyTemplate.Parse(attribute.KeyTemplate, typeof(TCommand));
            return new CommandLock<TCommand>(template, optionsFor(attribute, template.Operation));
        })];
        Wait = _locks.Min(declaredLock => declaredLock.Options.Wait);
    }

    /// <summary>The wait of the whole command: the shortest of its locks' waits, shared by all of them.</summary>
    public TimeSpan Wait { get; }

    public IEnumerable<string> Operations => _locks.Select(declaredLock => declaredLock.Options.Operation);

    /// <summary>Returns the command's keys, without repetition, in the order in which they must be acquired.</summary>
    public IReadOnlyList<KeyedLock> Resolve(TCommand command)
    {
        if (_locks.Length == 1)
        {
            return [new KeyedLock(_locks[0].KeyFor(command), _locks[0].Options)];
        }
        return [.. _locks
            .Select(declaredLock => new KeyedLock(declaredLock.KeyFor(command), declaredLock.Options))
            .DistinctBy(keyed => keyed.Key, StringComparer.Ordinal)
            .OrderBy(keyed => keyed.Key, LockKeyOrder.Instance)];
    }
}

internal interface ICommandLocks
{
    IEnumerable<string> Operations { get; }
}

/// <summary>A key and the options of its lock.</summary>
internal readonly record struct KeyedLock(string Key, LockOptions Options);
