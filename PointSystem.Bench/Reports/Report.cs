using PointSystem.Bench.Stats;

namespace PointSystem.Bench.Reports;

/// <summary>The result of a scenario: figures by row and column, targets, and everything needed to reproduce it.</summary>
internal sealed record Report
{
    public required string Scenario { get; init; }

    public required string Title { get; init; }

    /// <summary>The command line that reproduces it.</summary>
    public required string Command { get; init; }

    /// <summary>The repository's commit; with <c>+</c> if there were uncommitted changes.</summary>
    public required string Commit { get; init; }

    public required DateTimeOffset Date { get; init; }

    public required Machine Machine { get; init; }

    /// <summary>Callers, rounds, seconds … in display order.</summary>
    public required IReadOnlyDictionary<string, string> Settings { get; init; }

    public required IReadOnlyList<Column> Columns { get; init; }

    public required IReadOnlyList<Row> Rows { get; init; }

    /// <summary>The key of the column in the chart.</summary>
    public required string Charted { get; init; }

    public IReadOnlyList<Target> Targets { get; init; } = [];

    /// <summary>Sentences: the ledger check, errors by kind, explanations of columns.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];
}

/// <summary>A column of the table.</summary>
/// <param name="Key">Its key in the rows.</param>
/// <param name="Heading">The heading, with the unit.</param>
/// <param name="Decimals">Number of decimals.</param>
/// <param name="WithSpread">Whether to show the minimum and maximum of the rounds next to the median.</param>
internal sealed record Column(string Key, string Heading, int Decimals, bool WithSpread = false);

/// <summary>One line of the table.</summary>
/// <param name="Name">A contender, a size …</param>
/// <param name="Meaning">An explanation.</param>
/// <param name="Figures">Figures by column key; some may be missing.</param>
internal sealed record Row(string Name, string Meaning, IReadOnlyDictionary<string, Spread> Figures);

/// <summary>A target.</summary>
/// <param name="Text">What is compared.</param>
/// <param name="Wanted">The bound.</param>
/// <param name="AtLeast">True if the bound is a minimum, false if it is a maximum.</param>
/// <param name="Figure">The measured figure.</param>
/// <param name="Unit">Unit of both figures; may be empty.</param>
internal sealed record Target(string Text, double Wanted, bool AtLeast, double Figure, string Unit = "")
{
    public bool Reached => AtLeast ? Figure >= Wanted : Figure <= Wanted;
}
