using Npgsql;
using PointSystem.Api.Http;

namespace PointSystem.Api.Features.Events;

/// <summary>A place in the order of all events: after this one.</summary>
/// <param name="Position">The position that the database gave to the rows of the event.</param>
/// <param name="MemberId">The member; 0 for a configuration change; <see cref="Audit"/> for an action of an administrator; <see cref="Notice"/> for a notice.</param>
/// <param name="Sequence">The sequence of the event's first entry, or the id of the configuration change, of the action or of the notice.</param>
internal readonly record struct EventCursor(long Position, long MemberId, long Sequence) : IComparable<EventCursor>
{
    /// <summary>Takes the place of the member in the cursor of an administrator's action.</summary>
    public const long Audit = -1;

    /// <summary>Takes the place of the member in the cursor of a notice of an expiration.</summary>
    public const long Notice = -2;

    private const string List = "events";

    /// <summary>Before the first event.</summary>
    public static EventCursor Start { get; } = new(0, 0, 0);

    /// <summary>The cursor in three columns: position, member, sequence.</summary>
    public static EventCursor Read(NpgsqlDataReader reader, int first) => new(reader.GetInt64(first), reader.GetInt64(first + 1), reader.GetInt64(first + 2));

    /// <summary>Reads a cursor. False for every other text.</summary>
    public static bool TryParse(string text, out EventCursor cursor)
    {
        Span<long> parts = stackalloc long[3];
        var read = Cursor.TryRead(List, text, parts);
        cursor = new EventCursor(parts[0], parts[1], parts[2]);
        return read;
    }

    public int CompareTo(EventCursor other) => (Position, MemberId, Sequence).CompareTo((other.Position, other.MemberId, other.Sequence));

    /// <summary>The cursor as opaque text.</summary>
    public override string ToString() => Cursor.Write(List, Position, MemberId, Sequence);
}
