namespace PointSystem.Bench.Load;

/// <summary>Chooses the member of the next request. One object per caller; not thread-safe.</summary>
internal abstract class Members
{
    private ulong _state;

    protected Members(int seed) => _state = ((ulong)seed * 0x9E3779B97F4A7C15) | 1;

    public abstract long Next();

    /// <summary>
    /// Returns a number from 0 (inclusive) to 1 (exclusive). Its own generator is cheap and yields the same members in every run.
    /// </summary>
    protected double NextDouble()
    {
        _state ^= _state << 13;
        _state ^= _state >> 7;
        _state ^= _state << 17;
        return (_state >> 11) * (1.0 / (1UL << 53));
    }

    /// <summary>Always the same member.</summary>
    public sealed class One(long member) : Members(0)
    {
        public override long Next() => member;
    }

    /// <summary>Each of <c>first … first + count - 1</c> with equal probability.</summary>
    public sealed class Uniform(long first, int count, int seed) : Members(seed)
    {
        public override long Next() => first + (long)(NextDouble() * count);
    }

    /// <summary>Each of the given members with equal probability.</summary>
    public sealed class Of(IReadOnlyList<long> members, int seed) : Members(seed)
    {
        public override long Next() => members[(int)(NextDouble() * members.Count)];
    }

    /// <summary>The k-th member with a probability proportional to 1 / k^s.</summary>
    public sealed class Zipf(long first, double[] cumulative, int seed) : Members(seed)
    {
        public override long Next()
        {
            var at = Array.BinarySearch(cumulative, NextDouble() * cumulative[^1]);
            return first + Math.Min(at < 0 ? ~at : at, cumulative.Length - 1);
        }

        /// <summary>Returns the cumulative weights of the first k members.</summary>
        public static double[] Weights(int count, double exponent)
        {
            var sums = new double[count];
            var sum = 0.0;
            for (var k = 0; k < count; k++)
            {
                sum += Math.Pow(k + 1, -exponent);
                sums[k] = sum;
            }

            return sums;
        }
    }
}
