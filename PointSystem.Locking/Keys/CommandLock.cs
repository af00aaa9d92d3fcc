using System.Globalization;
using System.Linq.Expressions;

namespace PointSystem.Locking.Keys;

/// <summary>One declared lock of a command type: its template, compiled to a function, and its options.</summary>
internal sealed class CommandLock<TCommand>(LockKeyTemplate template, LockOptions options)
{
    private readonly Func<TCommand, string>[] _parts = [.. template.Parts.Select(Compile)];

    public LockOptions Options { get; } = options;

    /// <summary>Returns the command's key. Uses no reflection.</summary>
    /// <exception cref="ArgumentException">A property that the key needs is null or empty.</exception>
    public string KeyFor(TCommand command)
    {
        if (_parts.Length == 2)
        {
            return string.Concat(_parts[0](command), _parts[1](command));
        }
        return string.Concat(Array.ConvertAll(_parts, part => part(command)));
    }

    private static Func<TCommand, string> Compile(LockKeyTemplate.Part part)
    {
        if (part.Property is not { } property)
        {
            var literal = part.Literal!;
            return _ => literal;
        }
        var command = Expression.Parameter(typeof(TCommand));
        Expression value = Expression.Property(command, property);
        if (property.PropertyType != typeof(string))
        {
            var format = typeof(IFormattable).GetMethod(nameof(IFormattable.ToString))!;
            value = Expression.Call(
                Expression.Convert(value, typeof(IFormattable)), format,
                Expression.Constant(null, typeof(string)), Expression.Constant(CultureInfo.InvariantCulture, typeof(IFormatProvider)));
        }
        var read = Expression.Lambda<Func<TCommand, string?>>(value, command).Compile();
        var name = property.Name;
        return target => Clean(read(target), name);
    }

    private static string Clean(string? value, string property)
    {
        if (string.IsNullOrEmpty(value))
        {
            throw new ArgumentException($"{typeof(TCommand).Name}.{property} is empty, so the command has no lock key.");
        }
        // Ids are external input. "||" in a key makes Dapr return an internal error, which would look like a broken Redis and open the
        // breaker.
        return value.Contains('|', StringComparison.Ordinal) ? value.Replace("|", "%7C", StringComparison.Ordinal) : value;
    }
}
