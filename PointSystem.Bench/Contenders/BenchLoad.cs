using PointSystem.Bench.Load;

namespace PointSystem.Bench.Contenders;

/// <summary>The load for every contender.</summary>
/// <param name="Http">The callers.</param>
/// <param name="Callers">Number of callers.</param>
/// <param name="PgbenchMember">The same choice of members as a pgbench expression; null if pgbench has none.</param>
internal sealed record BenchLoad(ClosedLoop Http, int Callers, string? PgbenchMember);
