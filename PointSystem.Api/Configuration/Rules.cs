using PointSystem.Domain.Policies;

namespace PointSystem.Api.Configuration;

/// <summary>What a command is judged by: the limits in force and the business clock; and how it is put in order.</summary>
internal sealed record Rules(PointPolicy Policy, BusinessMoment At, LockModes LockModes);
