using System.CommandLine;
using System.Globalization;

namespace PointSystem.Local;

/// <summary>What the command lines of the programs share on top of System.CommandLine.</summary>
internal static class CommandLines
{
    /// <summary>An option for a whole number from <paramref name="minimum"/> to <paramref name="maximum"/>; null where it is not given.</summary>
    public static Option<int?> Number(string name, int minimum, int maximum, string description) => new(name)
    {
        Description = $"{description}; {minimum} to {maximum}",
        HelpName = "N",
        CustomParser = result =>
        {
            if (int.TryParse(result.Tokens.Single().Value, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
                && number >= minimum && number <= maximum)
            {
                return number;
            }
            result.AddError($"{name} must be a whole number from {minimum} to {maximum}.");
            return null;
        },
    };

    /// <summary>Writes the help or the version where that was asked for.</summary>
    /// <returns>Whether it was: then there is nothing else to do.</returns>
    /// <exception cref="LocalException">An option is unknown, lacks its value or has a wrong one.</exception>
    public static bool Answer(this ParseResult parsed, TextWriter output)
    {
        if (parsed.UnmatchedTokens is [var unknown, ..])
        {
            throw new LocalException($"{unknown} is not an option here: --help lists what there is.");
        }
        if (parsed.Errors is [var error, ..])
        {
            throw new LocalException(error.Message);
        }
        // Other than the command's own, it is that of --help or --version.
        if (parsed.Action is null || parsed.Action == parsed.CommandResult.Command.Action)
        {
            return false;
        }
        parsed.Invoke(new InvocationConfiguration { Output = output });
        return true;
    }
}
