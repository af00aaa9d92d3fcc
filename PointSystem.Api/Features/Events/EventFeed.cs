using System.Globalization;
using Npgsql;
using PointSystem.Api.Features.Audit;
using PointSystem.Api.Features.Points;
using PointSystem.Api.Features.Points.Queries;
using PointSystem.Api.Http;
using PointSystem.Api.Jobs;
using PointSystem.Api.Persistence;

namespace PointSystem.Api.Features.Events;

/// <summary>Some events in order.</summary>
/// <param name="Events">The events, each with the cursor after it.</param>
/// <param name="Next">Where the next page starts.</param>
/// <param name="HasMore">False if these were all events that can be read at the moment.</param>
internal sealed record EventPage(IReadOnlyList<(CloudEvent Event, EventCursor Cursor)> Events, EventCursor Next, bool HasMore);

/// <summary>
/// Reads the ledger, the history of the configuration and the audit as events. The ledger is the outbox: an event is what one command, or one expired lot,
/// wrote to the ledger of one member.
/// </summary>
internal static class EventFeed
{
    /// <summary>Number of details after which a page ends, whatever its size: 1,000 usages with 100 details each would be 15 MB.</summary>
    private const int DetailsMax = 5000;

    private const string SpecVersion = "1.0";
    private const string ContentType = "application/json";
    private const string ConfigSource = "urn:pointsystem:config";
    private const string AuditSource = "urn:pointsystem:audit";
    private const string NoticeSource = "urn:pointsystem:expiring";

    /// <summary>Reads up to <paramref name="limit"/> events after a cursor; null if the cursor is beyond the events of this database.</summary>
    /// <exception cref="RequestRefusedException">The order of events is not certain: see <see cref="EventPositions.AreAhead"/>.</exception>
    public static async Task<EventPage?> ReadAsync(NpgsqlDataSource database, EventCursor after, int limit, CancellationToken cancellationToken)
    {
        if (await database.RunAsync(connection => ReadHeadsAsync(connection, after, limit, cancellationToken), cancellationToken) is not { } heads)
        {
            return null;
        }

        var hasMore = heads.Count >= limit;
        var count = CountUpTo(heads, DetailsMax);
        hasMore |= count < heads.Count;
        heads = heads.GetRange(0, count);
        var groups = heads.FindAll(head => head.Details is { Count: 0 });
        if (groups.Count > 0)
        {
            await database.RunAsync(connection => AddDetailsAsync(connection, groups, cancellationToken), cancellationToken);
        }

        var events = new List<(CloudEvent Event, EventCursor Cursor)>(heads.Count);
        foreach (var head in heads)
        {
            if (head.Event is { } happened)
            {
                events.Add((happened, head.Cursor));
            }
        }

        return new EventPage(events, heads is [.., var last] ? last.Cursor : after, hasMore);
    }

    /// <summary>The place before all events that cannot be read yet.</summary>
    /// <exception cref="RequestRefusedException">The order of events is not certain: see <see cref="EventPositions.AreAhead"/>.</exception>
    public static Task<EventCursor> EndAsync(NpgsqlDataSource database, CancellationToken cancellationToken) => database.RunAsync(
        async connection =>
        {
            await using var command = new NpgsqlCommand(EventSql.Horizon, connection);
            await using var reader = await command.ExecuteReaderAsync(cancellationToken);
            return new EventCursor(await ReadHorizonAsync(reader, cancellationToken) - 1, long.MaxValue, long.MaxValue);
        },
        cancellationToken);

    /// <summary>Reads the result of <see cref="EventSql.Horizon"/>.</summary>
    /// <exception cref="RequestRefusedException">The order of events is not certain: see <see cref="EventPositions.AreAhead"/>.</exception>
    internal static async Task<long> ReadHorizonAsync(NpgsqlDataReader reader, CancellationToken cancellationToken)
    {
        await reader.ReadAsync(cancellationToken);
        return reader.GetBoolean(1) ? throw new RequestRefusedException(Problems.EventsUnavailable()) : reader.GetInt64(0);
    }

    private static async Task<List<EventHead>?> ReadHeadsAsync(NpgsqlConnection connection, EventCursor after, int limit, CancellationToken cancellationToken)
    {
        NpgsqlParameter[] Values() => [Columns.Value(after.Position), Columns.Value(after.MemberId), Columns.Value(after.Sequence), Columns.Value(limit)];
        await using var batch = connection.CreateBatch();

        // One snapshot, so that all lists end at the same horizon.
        batch.BatchCommands.Add(Columns.Statement(Sql.Snapshot));
        batch.BatchCommands.Add(Columns.Statement(EventSql.OnePlan));
        batch.BatchCommands.Add(Columns.Statement(EventSql.Horizon));
        batch.BatchCommands.Add(Columns.Statement(EventSql.Page, Values()));
        batch.BatchCommands.Add(Columns.Statement(EventSql.ConfigPage, Values()));
        batch.BatchCommands.Add(Columns.Statement(EventSql.AuditPage, Values()));
        batch.BatchCommands.Add(Columns.Statement(EventSql.NoticePage, Values()));
        batch.BatchCommands.Add(Columns.Statement(Sql.Commit));
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        var isAhead = after.Position >= await ReadHorizonAsync(reader, cancellationToken);
        var (entries, heads) = (new List<FirstEntry>(), new List<EventHead>());
        await reader.NextResultAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            entries.Add(FirstEntry.Read(reader));
        }

        await reader.NextResultAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            heads.Add(ReadConfigChange(reader));
        }

        await reader.NextResultAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            heads.Add(ReadAction(reader));
        }

        await reader.NextResultAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            heads.Add(ReadNotice(reader));
        }

        // The last statement, which is the commit, must have succeeded too.
        await reader.NextResultAsync(cancellationToken);
        await reader.CloseAsync();
        if (isAhead)
        {
            return null;
        }

        heads.AddRange(await LedgerEvents.MakeAsync(connection, entries, cancellationToken));
        heads.Sort(static (one, other) => one.Cursor.CompareTo(other.Cursor));
        return heads.Count > limit ? heads.GetRange(0, limit) : heads;
    }

    /// <summary>Adds the details of the events that have several.</summary>
    private static async Task<bool> AddDetailsAsync(NpgsqlConnection connection, List<EventHead> groups, CancellationToken cancellationToken)
    {
        // The work is repeated if the connection has become unusable.
        groups.ForEach(head => head.Details!.Clear());
        await using var batch = connection.CreateBatch();
        batch.BatchCommands.Add(Columns.Statement(
            EventSql.Details,
            Columns.Longs(groups, head => head.Cursor.MemberId),
            Columns.Longs(groups, head => head.Cursor.Sequence),
            Columns.Longs(groups, head => head.Last)));
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            groups[(int)reader.GetInt64(0) - 1].Details!.Add(ReadDetail(reader, 2, reader.GetInt64(1)));
        }

        return true;
    }

    /// <summary>Reads a detail from four columns: accumulation, date, whether it is a grant, source.</summary>
    internal static EventDetail ReadDetail(NpgsqlDataReader reader, int first, long amount) =>
        new(reader.GetString(first), amount, reader.GetFieldValue<DateOnly>(first + 1), reader.GetBoolean(first + 2))
        {
            SourceAccumulationKey = reader.TextOrNull(first + 3),
        };

    /// <summary>The number of events that have at most <paramref name="detailsMax"/> details together, but at least one event.</summary>
    private static int CountUpTo(List<EventHead> heads, int detailsMax)
    {
        var details = 0L;
        for (var i = 0; i < heads.Count; i++)
        {
            details += Math.Clamp(heads[i].Last - heads[i].Cursor.Sequence + 1, 0, InnerLists.SizeMax);
            if (i > 0 && details > detailsMax)
            {
                return i;
            }
        }

        return heads.Count;
    }

    private static EventHead ReadConfigChange(NpgsqlDataReader reader)
    {
        var cursor = new EventCursor(reader.GetInt64(0), 0, reader.GetInt64(1));
        var key = reader.GetString(2);
        var data = new EventData(reader.GetString(7))
        {
            ConfigKey = key,
            OldValue = reader.TextOrNull(3),
            NewValue = reader.GetString(4),
            Description = reader.TextOrNull(5),
        };
        var id = $"config-{cursor.Sequence.ToString(CultureInfo.InvariantCulture)}";
        return new EventHead(
            cursor, 0, Envelope(ConfigSource, id, EventTypes.ConfigChanged, key, reader.GetFieldValue<DateTimeOffset>(6), Digits(cursor.Sequence), data));
    }

    private static EventHead ReadAction(NpgsqlDataReader reader)
    {
        var entry = AuditQuery.Read(reader, first: 1);
        var cursor = new EventCursor(reader.GetInt64(0), EventCursor.Audit, entry.Id);
        var data = new EventData(entry.Actor)
        {
            Action = entry.Action,
            Target = entry.Target,
            Before = entry.Before,
            After = entry.After,
            Address = entry.Address,
            ForwardedFor = entry.ForwardedFor,
            TraceId = entry.TraceId,
        };

        var id = $"audit-{entry.Id.ToString(CultureInfo.InvariantCulture)}";
        return new EventHead(cursor, 0, Envelope(AuditSource, id, EventTypes.AdminActed, entry.Target, entry.OccurredAt, Unordered(cursor), data));
    }

    private static EventHead ReadNotice(NpgsqlDataReader reader)
    {
        var cursor = new EventCursor(reader.GetInt64(0), EventCursor.Notice, reader.GetInt64(1));
        var data = new EventData(ExpiryJob.Actor)
        {
            MemberId = reader.GetInt64(2),
            ExpirationDate = reader.GetFieldValue<DateOnly>(3),
            DaysAhead = reader.GetInt32(4),
            ExpiringAmount = reader.GetInt64(5),
        };
        var id = $"expiring-{cursor.Sequence.ToString(CultureInfo.InvariantCulture)}";
        var member = data.MemberId.Value.ToString(CultureInfo.InvariantCulture);
        return new EventHead(cursor, 0, Envelope(NoticeSource, id, EventTypes.Expiring, member, reader.GetFieldValue<DateTimeOffset>(6), Unordered(cursor), data));
    }

    /// <summary>The sequence of what transactions write at the same time, so that the numbers alone are not in the order of the events.</summary>
    private static string Unordered(EventCursor cursor) => $"{Digits(cursor.Position)}-{Digits(cursor.Sequence)}";

    /// <summary>A message by which administrators try a receiver of webhooks. It is no event, and is not in the feed.</summary>
    public static CloudEvent WebhookTest(string name, string actor, DateTimeOffset now)
    {
        var number = Digits(now.UtcTicks);
        return Envelope("urn:pointsystem:webhooks", $"webhook-test-{number}", "points.webhook-test.v1", name, now, number, new EventData(actor));
    }

    internal static CloudEvent Envelope(string source, string id, string type, string subject, DateTimeOffset time, string sequence, EventData data) =>
        new(SpecVersion, id, source, type, subject, time, ContentType, subject, sequence, data);

    internal static string Digits(long number) => number.ToString("D19", CultureInfo.InvariantCulture);
}

/// <summary>An event as the first statements of a page know it; another one adds the details if there are several.</summary>
/// <param name="Cursor">Its place.</param>
/// <param name="Last">The last sequence of the entries; 0 for what is not in the ledger, and for what is part of an earlier event.</param>
/// <param name="Event">The event; null for what is part of an earlier event.</param>
/// <param name="Details">Its details; null for what is not in the ledger.</param>
internal sealed record EventHead(EventCursor Cursor, long Last, CloudEvent? Event, List<EventDetail>? Details = null);
