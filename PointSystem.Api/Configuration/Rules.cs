using PointSystem.Domain.Policies;

namespace PointSystem.Api.Configuration;

/// <summary>What decides a command: the limits in effect and the business time.</summary>
internal sealed record Rules(PointPolicy Policy, BusinessMoment At);
