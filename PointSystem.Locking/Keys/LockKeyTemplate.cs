using System.Reflection;

namespace PointSystem.Locking.Keys;

/// <summary>
/// A parsed key template: literal text and property names in turn. Checks the rules of a template; <see cref="CommandLock{TCommand}"/>
/// fills it in.
/// </summary>
internal sealed class LockKeyTemplate
{
    private LockKeyTemplate(string text, IReadOnlyList<Part> parts)
    {
        Text = text;
        Parts = parts;
        Operation = OperationOf(text);
    }

    /// <summary>The template as declared.</summary>
    public string Text { get; }

    /// <summary>Literals and properties, in order.</summary>
    public IReadOnlyList<Part> Parts { get; }

    /// <summary>
    /// The text before the first property, such as <c>point:use:member</c>: the operation's name in configuration and metrics.
    /// </summary>
    public string Operation { get; }

    /// <summary>Parses a template and looks up its properties.</summary>
    /// <exception cref="LockTemplateException">The template breaks a rule; the message says which and where.</exception>
    public static LockKeyTemplate Parse(string text, Type commandType)
    {
        if (string.IsNullOrWhiteSpace(text))
        {
            throw new LockTemplateException(commandType, text, "it is empty");
        }
        var parts = new List<Part>();
        var at = 0;
        while (at < text.Length)
        {
            var brace = text.AsSpan(at).IndexOfAny('{', '}');
            if (brace != 0)
            {
                var literal = brace < 0 ? text[at..] : text.Substring(at, brace);
                parts.Add(new Part(literal, null));
                at += literal.Length;
                continue;
            }
            var close = text.IndexOf('}', at);
            if (text[at] == '}' || close < 0)
            {
                throw new LockTemplateException(commandType, text, $"the brace at position {at} has no match");
            }
            parts.Add(new Part(null, FindProperty(text, text[(at + 1)..close], commandType)));
            at = close + 1;
        }
        Check(text, parts, commandType);
        return new LockKeyTemplate(text, parts);
    }

    private static PropertyInfo FindProperty(string text, string name, Type commandType)
    {
        if (name.Length == 0 || name.Contains('{', StringComparison.Ordinal))
        {
            throw new LockTemplateException(commandType, text, name.Length == 0 ? "a pair of braces is empty" : "braces are nested");
        }
        var property = commandType.GetProperty(name, BindingFlags.Public | BindingFlags.Instance);
        if (property?.GetMethod is not { IsPublic: true } || property.GetIndexParameters().Length > 0)
        {
            var known = string.Join(
                ", ", commandType.GetProperties(BindingFlags.Public | BindingFlags.Instance).Select(p => p.Name).Order(StringComparer.Ordinal));
            throw new LockTemplateException(commandType, text, $"'{name}' is not a readable public property of the command (it has: {known})");
        }
        var type = property.PropertyType;
        if (type != typeof(string) && !(type.IsValueType && Nullable.GetUnderlyingType(type) is null && typeof(IFormattable).IsAssignableFrom(type)))
        {
            throw new LockTemplateException(
                commandType, text, $"'{name}' is a {type.Name}; a key can contain a string, a number, a Guid or another plain value that cannot be null");
        }
        return property;
    }

    private static void Check(string text, List<Part> parts, Type commandType)
    {
        // Dapr joins its Redis key with "||" and refuses a resource that contains it.
        if (parts.Any(part => part.Literal?.Contains("||", StringComparison.Ordinal) == true))
        {
            throw new LockTemplateException(commandType, text, "'||' is Dapr's own separator and is not allowed in a key");
        }
        if (text.Any(char.IsWhiteSpace))
        {
            throw new LockTemplateException(commandType, text, "it contains white space");
        }
        if (text.Split(':').Any(segment => segment.Length == 0))
        {
            throw new LockTemplateException(commandType, text, "a segment between its colons is empty");
        }
        if (parts[0].Literal is null)
        {
            throw new LockTemplateException(commandType, text, "it must start with its operation, such as 'point:use:member:', not with a property");
        }
    }

    private static string OperationOf(string text)
    {
        var brace = text.IndexOf('{', StringComparison.Ordinal);
        return brace < 0 ? text : text[..brace].TrimEnd(':');
    }

    /// <summary>Either literal text or a property of the command.</summary>
    internal readonly record struct Part(string? Literal, PropertyInfo? Property);
}
