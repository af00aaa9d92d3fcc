using System.Globalization;

namespace PointSystem.Local;

/// <summary>The options of a process mode that other programs start: <c>--name value</c>, all required.</summary>
internal sealed class VerbOptions(IReadOnlyList<string> args)
{
    /// <exception cref="LocalException">The option is missing.</exception>
    public string Text(string name)
    {
        for (var i = 0; i + 1 < args.Count; i++)
        {
            if (args[i] == name)
            {
                return args[i + 1];
            }
        }
        throw new LocalException($"{name} is missing.");
    }

    /// <exception cref="LocalException">The option is missing, or not a whole number from <paramref name="min"/> to <paramref
    /// name="max"/>.</exception>
    public int Number(string name, int min, int max) =>
        int.TryParse(Text(name), NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= min && number <= max
            ? number
            : throw new LocalException($"{name} must be a whole number from {min} to {max}.");
}
