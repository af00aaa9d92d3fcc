using System.Globalization;

namespace PointSystem.Local;

/// <summary>The options of a process mode that other programs start: <c>--name value</c>, all of them needed.</summary>
internal sealed class VerbOptions(IReadOnlyList<string> args)
{
    /// <exception cref="LocalException">It is not there.</exception>
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

    /// <exception cref="LocalException">It is not there, or not a whole number from <paramref name="least"/> to
    /// <paramref name="most"/>.</exception>
    public int Number(string name, int least, int most) =>
        int.TryParse(Text(name), NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= least && number <= most
            ? number
            : throw new LocalException($"{name} must be a whole number from {least} to {most}.");
}
