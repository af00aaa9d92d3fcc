using System.Text;

namespace PointSystem.Tests.Fuzz;

/// <summary>A request as it goes over the wire, and what its answer may be.</summary>
internal sealed class FuzzRequest
{
    private const int ShownMax = 1_000;

    /// <summary>The operation that it was made from, for example <c>POST /api/points/use</c>.</summary>
    public required string Operation { get; init; }

    public required string Method { get; init; }

    public required byte[] Bytes { get; init; }

    /// <summary>The outcome depends on what others do at the same time, so two of these can have different ones.</summary>
    public bool SharesState { get; init; }

    /// <summary>Something is wrong with the head or the framing, so the web server may refuse it without a body before it reaches the application.</summary>
    public bool MayBeRefusedUnread { get; init; }

    /// <summary>The gateway, which reads every body, refuses this one; a replica may not read it.</summary>
    public bool HasBadBody { get; init; }

    /// <summary>The body never comes to its end, or is larger than what is read: the connection may be closed instead of an answer.</summary>
    public bool MayBeDropped { get; init; }

    /// <summary>No other request can follow on the connection.</summary>
    public bool IsLast { get; init; }

    /// <summary>The sender stops sending afterwards.</summary>
    public bool EndsInput { get; init; }

    /// <summary>The statuses that the document declares; null if the request does not go to an operation of the document as it is declared.</summary>
    public IReadOnlySet<int>? Declared { get; init; }

    public override string ToString()
    {
        var text = new StringBuilder();
        foreach (var one in Bytes.AsSpan(0, Math.Min(Bytes.Length, ShownMax)))
        {
            text.Append(one is (byte)'\n' or (>= (byte)' ' and <= (byte)'~') ? $"{(char)one}" : one == '\r' ? "" : $"\\x{one:x2}");
        }

        return text.Append(Bytes.Length > ShownMax ? $"… ({Bytes.Length} bytes)" : "").ToString();
    }
}

/// <summary>Members and what they have. Each side of a comparison has its own, with the same history, so that both have the same outcomes.</summary>
internal sealed class FuzzWorld(string name, string token)
{
    private readonly Dictionary<string, List<string>> _known = [];

    /// <summary>Makes idempotency keys different from those of other worlds; always of the same length.</summary>
    public string Name { get; } = name;

    public string Token { get; } = token;

    public long Member { get; } = PointsClient.NewMember();

    public long Other { get; } = PointsClient.NewMember();

    /// <summary>Keeps something for later requests.</summary>
    /// <param name="kind">The prefix of a point key, <c>cursor</c> or <c>idempotency</c>.</param>
    /// <param name="text">What to keep.</param>
    public void Keep(string kind, string text)
    {
        if (!_known.TryGetValue(kind, out var texts))
        {
            _known[kind] = texts = [];
        }

        texts.Add(text);
    }

    /// <summary>One of the latest of a kind.</summary>
    public string Pick(Random random, string kind, string otherwise)
    {
        var back = 1 + random.Next(20);
        return _known.GetValueOrDefault(kind) is { } texts ? texts[^Math.Min(back, texts.Count)] : otherwise;
    }
}
