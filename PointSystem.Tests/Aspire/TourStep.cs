using System.Text.RegularExpressions;

namespace PointSystem.Tests.Aspire;

/// <summary>One command of the README tour, the answer that the README prints, and the real answer.</summary>
/// <param name="Command">The command as the README prints it.</param>
/// <param name="Expected">The comment below it, without the <c>#</c>; "…" stands for any text.</param>
/// <param name="Answer">The command's output.</param>
public sealed partial record TourStep(string Command, string Expected, string Answer)
{
    private const string End = "@@@ end of step";

    /// <summary>Runs the whole tour in one shell, like a reader who pastes it line by line.</summary>
    public static async Task<IReadOnlyList<TourStep>> RunAllAsync(Uri gateway, string token, CancellationToken cancellationToken)
    {
        var steps = Read(await File.ReadAllTextAsync(Path.Combine(BuildOutputs.Repository, "README.md"), cancellationToken)).ToList();
        var script = string.Join('\n', steps.Select(step => $"{step.Command}\necho; echo '{End}'"))
            .Replace("http://localhost:8080", gateway.ToString().TrimEnd('/'), StringComparison.Ordinal)
            .Replace("<the admin token>", token, StringComparison.Ordinal);
        await using var shell = ChildProcess.Start("bash", ["-c", script]);
        await shell.WaitForExitAsync(cancellationToken);
        var answers = shell.Output.Split(End);
        return [.. steps.Zip(answers, (step, answer) => step with { Answer = answer.Trim() })];
    }

    /// <summary>Whether the answer is what the README prints. Keys, tokens and dates differ each time.</summary>
    public bool IsAsExpected()
    {
        var pattern = Wildcards().Replace(
            Regex.Escape(Expected).Replace("…", ".*", StringComparison.Ordinal),
            match => match.Groups["date"].Success ? @"\d{4}-\d\d-\d\d" : "[A-Za-z0-9_-]+");
        return Regex.IsMatch(Answer, "^" + pattern + "$");
    }

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
            // A remark for the reader follows the answer after a wide gap.
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
