using System.Collections.Concurrent;
using System.Text.Json.Nodes;

namespace PointSystem.Tests.Fuzz;

/// <summary>What the ledger must have, by the answers.</summary>
internal sealed class FuzzEffects
{
    private readonly ConcurrentDictionary<string, long> _accepted = new();
    private int _unknown;

    /// <summary>Adds the effect of a request, and keeps what it returned for later requests of the world.</summary>
    public void Add(FuzzRequest request, RawAnswer? answer, FuzzWorld world)
    {
        if (answer?.Status >= 500)
        {
            // The database went away: the request may have been carried out.
            Interlocked.Increment(ref _unknown);
        }

        if (answer?.Status is not (>= 200 and < 300) || answer.Json() is not { } json)
        {
            return;
        }

        // The other world has no such list if it depends on others.
        if (!request.SharesState && !request.Operation.Contains("/admin/", StringComparison.Ordinal))
        {
            foreach (var cursor in Find(json, ["nextCursor", "next", "entriesNextCursor"]))
            {
                world.Keep("cursor", cursor);
            }
        }

        if (!request.Method.Equals("POST", StringComparison.OrdinalIgnoreCase) || json["pointKey"]?.ToString() is not { } key
            || answer.Headers.ContainsKey("idempotency-replayed"))
        {
            return;
        }

        if (!request.SharesState)
        {
            world.Keep(key[..3], key);
        }

        long Number(string name) => json[name]!.GetValue<long>();
        if (json["totalAmount"] is not null)
        {
            Add("USE", key, -Number("totalAmount"));
        }
        else if (json["usagePointKey"] is not null)
        {
            Add("USE_CANCEL", key, Number("cancelledAmount"));
        }
        else if (json["toMemberId"] is not null)
        {
            Add("TRANSFER_OUT", key, -Number("amount"));
            Add("TRANSFER_IN", key, Number("amount"));
        }
        else
        {
            var isCancelled = json["status"]!.ToString() == "CANCELLED";
            Add(isCancelled ? "ACCUMULATE_CANCEL" : "ACCUMULATE", key, isCancelled ? -Number("amount") : Number("amount"));
        }
    }

    /// <summary>Fails unless the ledger has every accepted effect, and no other except of requests whose outcome their senders do not know.</summary>
    public void AssertAre(Dictionary<string, long> ledger)
    {
        Assert.Equal("", string.Join('\n', _accepted.Where(one => ledger.GetValueOrDefault(one.Key) != one.Value)
            .Select(one => $"{one.Key} {one.Value} was accepted, the ledger has {ledger.GetValueOrDefault(one.Key)}")));
        var others = ledger.Keys.Except(_accepted.Keys).ToList();
        var operations = others.Select(one => one.Replace("TRANSFER_IN", "TRANSFER_OUT", StringComparison.Ordinal)).Distinct().Count();
        Assert.True(operations <= _unknown, $"{operations} effects of refused requests ({_unknown} have unknown outcomes):\n{string.Join('\n', others)}");
    }

    private void Add(string kind, string key, long amount) => Assert.True(_accepted.TryAdd($"{kind} {key}", amount), $"{kind} {key} was accepted twice");

    private static IEnumerable<string> Find(JsonObject json, string[] names) => json.SelectMany(property => property.Value switch
    {
        JsonValue value when names.Contains(property.Key) => [value.ToString()],
        JsonObject inner => Find(inner, names),
        JsonArray { Count: > 0 } list when list[0] is JsonObject first => Find(first, names),
        _ => Array.Empty<string>(),
    });
}
