using Npgsql;

namespace PointSystem.Api.Persistence;

/// <summary>Keeps the positions of events ascending when the data have moved to another database cluster.</summary>
internal static class EventPositions
{
    /// <summary>
    /// True if rows have positions that this cluster has not reached: a dump of a cluster with higher transaction ids was restored here. New
    /// events would come before those that consumers have already read.
    /// </summary>
    public const string AreAhead = $"{Highest} >= event_ceiling()";

    private const string Highest =
        """
        greatest(
            (SELECT max(position) FROM point_ledger_entries WHERE sequence = group_sequence),
            (SELECT max(position) FROM point_config_history),
            (SELECT max(position) FROM admin_audit),
            (SELECT max(position) FROM expiry_notices))
        """;

    // The rows with the highest positions are committed, so in the cluster that wrote them the ceiling is above them. The lock waits for
    // running writers: none may insert with the old offset after the new one is in effect. Not only the ceiling, the horizon is raised above
    // all rows too: as long as an older transaction is open, it would be below them, and the cursors of consumers would be refused.
    private const string Raise =
        $"""
        DO $$
        BEGIN
            LOCK TABLE point_ledger_entries, point_config_history, admin_audit, expiry_notices IN SHARE ROW EXCLUSIVE MODE;
            IF {AreAhead} THEN
                EXECUTE format('CREATE OR REPLACE FUNCTION event_offset() RETURNS bigint LANGUAGE sql STABLE AS ''SELECT %s::bigint''',
                    event_offset() + 1 + {Highest} - event_horizon() + 1);
            END IF;
        END $$
        """;

    /// <summary>Raises the offset of positions above all existing ones, if they are ahead of this cluster.</summary>
    /// <returns>Whether it had to.</returns>
    public static async Task<bool> AlignAsync(NpgsqlDataSource database, CancellationToken cancellationToken)
    {
        await using var question = database.CreateCommand($"SELECT {AreAhead}");
        if (await question.ExecuteScalarAsync(cancellationToken) is not true)
        {
            return false;
        }

        await using var raise = database.CreateCommand(Raise);
        await raise.ExecuteNonQueryAsync(cancellationToken);
        return true;
    }
}
