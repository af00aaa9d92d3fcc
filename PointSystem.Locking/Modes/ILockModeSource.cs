using Microsoft.Extensions.Options;

namespace PointSystem.Locking;

/// <summary>Decides for each command in which mode it is executed. Called for every command, so it must answer from memory.</summary>
public interface ILockModeSource
{
    /// <param name="commandType">The command's type.</param>
    /// <param name="affinity">The id by which the canary is chosen; see <see cref="Canary"/>.</param>
    /// <param name="cancellationToken">The caller's token.</param>
    ValueTask<LockMode> ModeForAsync(Type commandType, long affinity, CancellationToken cancellationToken);
}

/// <summary>The mode of the options, for every command. The default where an application registers no source of its own.</summary>
internal sealed class OptionsModeSource(IOptions<LockingOptions> options) : ILockModeSource
{
    private readonly LockMode _mode = options.Value.Mode;

    public ValueTask<LockMode> ModeForAsync(Type commandType, long affinity, CancellationToken cancellationToken) => ValueTask.FromResult(_mode);
}
