using PointSystem.Bench.Load;

namespace PointSystem.Bench.Contenders;

/// <summary>What every contender has to bear.</summary>
/// <param name="Http">The callers.</param>
/// <param name="Callers">How many they are.</param>
/// <param name="PgbenchMember">The same choice of members in pgbench's words; null when it has none.</param>
internal sealed record BenchLoad(ClosedLoop Http, int Callers, string? PgbenchMember);
