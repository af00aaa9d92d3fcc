using PointSystem.Domain.Policies;

namespace PointSystem.Api.Configuration;

/// <summary>What a command is judged by: the limits in force and the business clock.</summary>
internal sealed record Rules(PointPolicy Policy, BusinessMoment At);
