using Npgsql;

namespace PointSystem.Api.Persistence;

/// <summary>The database from which the reads of this request are answered: the primary, unless the standby is new enough.</summary>
internal sealed class ReadSource([FromKeyedServices(DatabasePools.ReadPool)] NpgsqlDataSource primary, Standby standby)
{
    private NpgsqlDataSource? _replica;

    public NpgsqlDataSource Database => _replica ?? primary;

    public void UseStandby(NpgsqlDataSource replica) => _replica = replica;

    public void UsePrimary() => _replica = null;

    /// <summary>Reads the next part of an answer that has started: if the standby fails meanwhile, the primary goes on.</summary>
    public async Task<T> ReadOnAsync<T>(Func<NpgsqlDataSource, Task<T>> read, CancellationToken cancellationToken)
    {
        if (_replica is { } replica)
        {
            try
            {
                return await read(replica);
            }
            catch (Exception failure) when (!cancellationToken.IsCancellationRequested && Standby.IsFailure(failure))
            {
                standby.LeaveAfter(failure);
                UsePrimary();
            }
        }

        return await read(primary);
    }
}

/// <summary>
/// A standby for reads, if the connection string <c>points-standby</c> names one. It may be late, frozen or gone at any time: then it is left
/// alone for a second, and the primary answers.
/// </summary>
internal sealed class Standby(NpgsqlDataSource? database, TimeProvider time) : IAsyncDisposable
{
    /// <summary>Name of its connection string, which names one server.</summary>
    public const string ConnectionName = "points-standby";

    /// <summary>How long it may take to say how far it is. If it answers at all, it does so in a millisecond.</summary>
    public static readonly TimeSpan AnswerLimit = TimeSpan.FromMilliseconds(500);

    private readonly Absence _absence = new(time);

    /// <summary>The standby; null if there is none, or if it did not answer within the last second.</summary>
    public NpgsqlDataSource? Usable => database is not null && _absence.IsOver ? database : null;

    public static bool IsFailure(Exception failure) =>
        failure is OperationCanceledException or TimeoutException or NpgsqlException || DatabaseErrors.IsUnavailable(failure);

    /// <summary>It failed, or did not answer.</summary>
    public void LeaveAfter(Exception failure)
    {
        // A query that replay had to cancel says nothing about the next one.
        if (!DatabaseErrors.IsReplayConflict(failure))
        {
            _absence.Begin();
        }
    }

    public ValueTask DisposeAsync() => database?.DisposeAsync() ?? ValueTask.CompletedTask;
}
