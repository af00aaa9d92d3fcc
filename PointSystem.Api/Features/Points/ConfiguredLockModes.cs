using Microsoft.Extensions.Options;
using PointSystem.Api.Configuration;
using PointSystem.Locking;

namespace PointSystem.Api.Features.Points;

/// <summary>The lock modes of the run-time configuration, at most one second old: by operation, and by member for the canary.</summary>
internal sealed class ConfiguredLockModes(RulesProvider rules, IOptions<LockingOptions> options) : ILockModeSource
{
    private readonly LockMode _optionMode = options.Value.Mode;

    public async ValueTask<LockMode> ModeForAsync(Type commandType, long affinity, CancellationToken cancellationToken) =>
        Choose(await rules.LockModesAsync(cancellationToken), commandType, affinity, _optionMode);

    /// <summary>The lock mode of a command.</summary>
    public static LockMode Choose(LockModes modes, Type commandType, long memberId, LockMode optionMode) =>
        Canary.Includes(memberId, modes.CanaryPercent) ? OfOperation(modes, commandType) ?? modes.General ?? optionMode : LockMode.Row;

    private static LockMode? OfOperation(LockModes modes, Type commandType) =>
        commandType == typeof(UsePoints.Command) ? modes.Use
        : commandType == typeof(AccumulatePoints.Command) ? modes.Accumulate
        : commandType == typeof(TransferPoints.Command) ? modes.Transfer
        : commandType == typeof(CancelUsage.Command) || commandType == typeof(CancelAccumulation.Command) ? modes.Cancel
        : null;
}
