using System.Collections.Frozen;
using System.Reflection;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;

namespace PointSystem.Locking.Keys;

/// <summary>The locks of every registered command type, built once at start.</summary>
internal sealed class CommandLockTable
{
    private readonly FrozenDictionary<Type, ICommandLocks> _byType;

    public CommandLockTable(IEnumerable<LockedCommandType> types, IConfiguration configuration, IOptions<LockingOptions> options)
        : this(types, new OperationSettings(configuration), options.Value)
    {
    }

    internal CommandLockTable(IEnumerable<LockedCommandType> types, OperationSettings settings, LockingOptions options)
    {
        _byType = types.Select(registered => registered.Type).Distinct().ToFrozenDictionary(type => type, type => Build(type, settings, options));
        settings.ThrowIfUnknown(Operations);
    }

    /// <summary>The operations of all registered commands, without repetition.</summary>
    public IEnumerable<string> Operations => _byType.Values.SelectMany(locks => locks.Operations).Distinct(StringComparer.Ordinal);

    /// <exception cref="InvalidOperationException">The type was not registered.</exception>
    public CommandLocks<TCommand> For<TCommand>() =>
        _byType.TryGetValue(typeof(TCommand), out var locks)
            ? (CommandLocks<TCommand>)locks
            : throw new InvalidOperationException($"{typeof(TCommand).FullName} is not a registered locked command; call AddLockedCommands for its assembly.");

    private static ICommandLocks Build(Type type, OperationSettings settings, LockingOptions options)
    {
        Func<DistributedLockAttribute, string, LockOptions> optionsFor = (attribute, operation) => settings.Apply(attribute, operation, options);
        return (ICommandLocks)Activator.CreateInstance(
            typeof(CommandLocks<>).MakeGenericType(type),
            BindingFlags.Instance | BindingFlags.Public | BindingFlags.DoNotWrapExceptions,
            binder: null, [optionsFor], culture: null)!;
    }
}

/// <summary>A command type registered by <c>AddLockedCommands</c>.</summary>
internal sealed record LockedCommandType(Type Type);
