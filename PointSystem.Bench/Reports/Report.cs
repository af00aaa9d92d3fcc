using PointSystem.Bench.Stats;

namespace PointSystem.Bench.Reports;

/// <summary>What a scenario found: figures by row and column, targets, and what somebody needs to find the same.</summary>
internal sealed record Report
{
    public required string Scenario { get; init; }

    public required string Title { get; init; }

    /// <summary>The command line that makes it.</summary>
    public required string Command { get; init; }

    /// <summary>Of the repository; with <c>+</c> when something was not committed.</summary>
    public required string Commit { get; init; }

    public required DateTimeOffset Date { get; init; }

    public required Machine Machine { get; init; }

    /// <summary>Callers, rounds, seconds … in the order in which they are told.</summary>
    public required IReadOnlyDictionary<string, string> Settings { get; init; }

    public required IReadOnlyList<Column> Columns { get; init; }

    public required IReadOnlyList<Row> Rows { get; init; }

    /// <summary>The key of the column that the chart shows.</summary>
    public required string Charted { get; init; }

    public IReadOnlyList<Target> Targets { get; init; } = [];

    /// <summary>Sentences: the check of the books, errors by kind, what a column means.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];
}

/// <summary>A figure that every row may have.</summary>
/// <param name="Key">Its name in the rows.</param>
/// <param name="Heading">With its unit.</param>
/// <param name="Decimals">Digits behind the point.</param>
/// <param name="WithSpread">Whether the least and the greatest of the rounds stand beside the median.</param>
internal sealed record Column(string Key, string Heading, int Decimals, bool WithSpread = false);

/// <summary>One line of the table.</summary>
/// <param name="Name">A contender, a size …</param>
/// <param name="Meaning">For the reader.</param>
/// <param name="Figures">By the key of the column; one may be missing.</param>
internal sealed record Row(string Name, string Meaning, IReadOnlyDictionary<string, Spread> Figures);

/// <summary>Something to reach.</summary>
/// <param name="Text">What is compared.</param>
/// <param name="Wanted">The bound.</param>
/// <param name="AtLeast">True when the figure must not be below the bound; false when not above.</param>
/// <param name="Figure">What was measured.</param>
/// <param name="Unit">Behind both; may be empty.</param>
internal sealed record Target(string Text, double Wanted, bool AtLeast, double Figure, string Unit = "")
{
    public bool Reached => AtLeast ? Figure >= Wanted : Figure <= Wanted;
}
