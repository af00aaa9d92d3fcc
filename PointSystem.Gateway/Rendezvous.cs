using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace PointSystem.Gateway;

/// <summary>
/// Rendezvous hashing: each member has an order of all replicas, by score, and its requests go to the first that is ready. Gateways with the same
/// addresses compute the same order. When a replica is gone, only the members move for which it was the first.
/// </summary>
internal static class Rendezvous
{
    /// <summary>A hash of a replica's address. The name is not used, because each gateway may have another one.</summary>
    public static ulong Seed(Uri url) => BinaryPrimitives.ReadUInt64LittleEndian(SHA256.HashData(Encoding.UTF8.GetBytes(url.Authority)));

    /// <summary>The replica with the highest score is the first in the member's order. Less than 2^63.</summary>
    public static ulong Score(ulong seed, long member) => Mix(seed ^ Mix((ulong)member)) >> 1;

    /// <summary>The finalizer of SplitMix64: a change of any bit changes each bit of the result with a probability of about one half.</summary>
    public static ulong Mix(ulong value)
    {
        value += 0x9E3779B97F4A7C15;
        value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
        value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
        return value ^ (value >> 31);
    }
}
