using Npgsql;
using PointSystem.Api.Persistence;

namespace PointSystem.Api.Features.Events.Sinks;

/// <summary>The cursors of the sinks in the database.</summary>
internal sealed class SinkStore(NpgsqlDataSource database, TimeProvider time)
{
    /// <summary>The place up to which a sink has every event; null if it has never been used.</summary>
    public Task<EventCursor?> FindAsync(string sink, CancellationToken cancellationToken) => database.RunAsync<EventCursor?>(
        async connection =>
        {
            await using var batch = connection.CreateBatch();
            batch.BatchCommands.Add(Columns.Statement("SELECT position, member_id, sequence FROM event_sinks WHERE name = $1", Columns.Value(sink)));
            await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
            return await reader.ReadAsync(cancellationToken) ? EventCursor.Read(reader, 0) : null;
        },
        cancellationToken);

    /// <summary>Moves a sink to a place; without effect if it is not at <paramref name="from"/>, because another replica has moved it.</summary>
    /// <returns>Whether it was moved.</returns>
    public async Task<bool> MoveAsync(string sink, EventCursor? from, EventCursor to, CancellationToken cancellationToken)
    {
        var sql = from is null
            ? """
              INSERT INTO event_sinks (name, updated_at, position, member_id, sequence) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (name) DO NOTHING
              """
            : """
              UPDATE event_sinks SET updated_at = $2, position = $3, member_id = $4, sequence = $5
              WHERE name = $1 AND (position, member_id, sequence) = ($6, $7, $8)
              """;
        NpgsqlParameter[] values =
            [Columns.Value(sink), Columns.Value(time.GetUtcNow()), Columns.Value(to.Position), Columns.Value(to.MemberId), Columns.Value(to.Sequence)];
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        await using var batch = connection.CreateBatch();
        batch.BatchCommands.Add(from is { } place
            ? Columns.Statement(sql, [.. values, Columns.Value(place.Position), Columns.Value(place.MemberId), Columns.Value(place.Sequence)])
            : Columns.Statement(sql, values));
        return await batch.ExecuteNonQueryAsync(cancellationToken) > 0;
    }
}
