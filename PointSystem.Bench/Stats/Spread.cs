namespace PointSystem.Bench.Stats;

/// <summary>A figure over several rounds: median, minimum and maximum of the rounds.</summary>
internal sealed record Spread(double Median, double Min, double Max)
{
    public static Spread Of(IEnumerable<double> rounds)
    {
        var values = rounds.ToArray();
        return new Spread(Percentile.Median(values), values.Min(), values.Max());
    }

    public static Spread Of(double single) => new(single, single, single);
}
