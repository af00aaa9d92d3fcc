using System.Text.RegularExpressions;

namespace PointSystem.Tests.Aspire;

/// <summary>One command of README's tour, what README says it answers, and what it answered.</summary>
/// <param name="Command">As README prints it.</param>
/// <param name="Promised">The comment below it, without the mark; "…" stands for anything.</param>
/// <param name="Answered">The command's output.</param>
public sealed partial record TourStep(string Command, string Promised, string Answered)
{
    private const string End = "@@@ end of step";

    /// <summary>Runs the whole tour in one shell, as a reader does who pastes line by line.</summary>
    public static async Task<IReadOnlyList<TourStep>> RunAllAsync(Uri gateway, string token, CancellationToken cancellationToken)
    {
        var steps = Read(await File.ReadAllTextAsync(Path.Combine(BuildOutputs.Repository, "README.md"), cancellationToken)).ToList();
        var script = string.Join('\n', steps.Select(step => $"{step.Command}\necho; echo '{End}'"))
            .Replace("http://localhost:8080", gateway.ToString().TrimEnd('/'), StringComparison.Ordinal)
            .Replace("<the admin token>", token, StringComparison.Ordinal);
        await using var shell = ChildProcess.Start("bash", ["-c", script]);
        await shell.WaitForExitAsync(cancellationToken);
        var answers = shell.Output.Split(End);
        return [.. steps.Zip(answers, (step, answer) => step with { Answered = answer.Trim() })];
    }

    /// <summary>Whether the answer is what README says. Keys, tokens and dates differ each time.</summary>
    public bool IsAsPromised() => Regex.IsMatch(
        Answered, "^" + Wildcards().Replace(Regex.Escape(Promised).Replace("…", ".*", StringComparison.Ordinal), match => match.Groups["date"].Success ? @"\d{4}-\d\d-\d\d" : "[A-Za-z0-9_-]+") + "$");

    private static IEnumerable<TourStep> Read(string readme)
    {
        var tour = readme[readme.IndexOf("\n## A tour", StringComparison.Ordinal)..];
        tour = tour[..tour.IndexOf("\n## ", 1, StringComparison.Ordinal)];
        var command = "";
        foreach (var line in Blocks().Matches(tour).SelectMany(block => block.Groups[1].Value.Split('\n', StringSplitOptions.RemoveEmptyEntries)))
        {
            if (!line.StartsWith("# ", StringComparison.Ordinal))
            {
                command += (command.Length > 0 ? "\n" : "") + line;
                continue;
            }
            // What follows the answer in a wide gap is for the reader.
            yield return new TourStep(command, Gap().Split(line[2..])[0], "");
            command = "";
        }
    }

    [GeneratedRegex("```sh\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex Blocks();

    [GeneratedRegex(" {3,}")]
    private static partial Regex Gap();

    [GeneratedRegex(@"(?<date>\d{4}-\d\d-\d\d)|(acc|use|can|trf)_[A-Za-z0-9_-]+")]
    private static partial Regex Wildcards();
}
