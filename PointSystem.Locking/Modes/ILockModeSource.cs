using Microsoft.Extensions.Options;

namespace PointSystem.Locking;

/// <summary>Says for each command how it is to be executed. Asked for every command, so it answers from memory.</summary>
public interface ILockModeSource
{
    /// <param name="commandType">The command's type.</param>
    /// <param name="affinity">What the canary goes by; see <see cref="Canary"/>.</param>
    /// <param name="cancellationToken">The caller's.</param>
    ValueTask<LockMode> ModeForAsync(Type commandType, long affinity, CancellationToken cancellationToken);
}

/// <summary>The mode of the options, for every command: what holds where an application brings no source of its own.</summary>
internal sealed class OptionsModeSource(IOptions<LockingOptions> options) : ILockModeSource
{
    private readonly LockMode _mode = options.Value.Mode;

    public ValueTask<LockMode> ModeForAsync(Type commandType, long affinity, CancellationToken cancellationToken) => ValueTask.FromResult(_mode);
}
