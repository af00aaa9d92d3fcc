namespace PointSystem.Local.Processes;

/// <summary>What to start, and how to stop it.</summary>
internal sealed record ProcessSpec
{
    public required string Name { get; init; }

    public required string FileName { get; init; }

    public required IReadOnlyList<string> Arguments { get; init; }

    /// <summary>Added to this process's environment; null removes a variable.</summary>
    public IReadOnlyDictionary<string, string?> Environment { get; init; } = new Dictionary<string, string?>();

    public string? WorkingDirectory { get; init; }

    /// <summary>The user to run as; null = the user of this process. Only root may name another one.</summary>
    public string? UserName { get; init; }

    /// <summary>Whether the program exits when its standard input ends, as our own programs can.</summary>
    public bool EndsWithInput { get; init; }

    public int StopSignal { get; init; } = Native.SigTerm;

    /// <summary>How to request an orderly shutdown where SIGTERM does not exist. Null = by closing its input, or not at all.</summary>
    public Func<CancellationToken, Task>? StopOnWindows { get; init; }

    /// <summary>
    /// The arguments for a parent that gives its children no standard input and stops them by other means, like Aspire.
    /// </summary>
    public IReadOnlyList<string> ArgumentsWithoutGuard => [.. Arguments.Where(argument => argument != StdinGuard.Flag)];
}
