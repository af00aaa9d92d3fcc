using Npgsql;

namespace PointSystem.Api.Persistence;

/// <summary>The database from which the reads of this request are answered: the primary, unless the standby is new enough.</summary>
internal sealed class ReadSource([FromKeyedServices(DatabasePools.ReadPool)] NpgsqlDataSource primary)
{
    private NpgsqlDataSource? _standby;

    public NpgsqlDataSource Database => _standby ?? primary;

    public void UseStandby(NpgsqlDataSource standby) => _standby = standby;

    public void UsePrimary() => _standby = null;
}

/// <summary>
/// A standby for reads of members, if the connection string <c>points-standby</c> names one. It may be late, frozen or gone at any time: then it is left
/// alone for a second, and the primary answers.
/// </summary>
internal sealed class Standby(NpgsqlDataSource? database, TimeProvider time) : IAsyncDisposable
{
    /// <summary>Name of its connection string, which names one server.</summary>
    public const string ConnectionName = "points-standby";

    private readonly Absence _absence = new(time);

    /// <summary>The standby; null if there is none, or if it did not answer within the last second.</summary>
    public NpgsqlDataSource? Usable => database is not null && _absence.IsOver ? database : null;

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
