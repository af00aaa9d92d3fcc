using System.Text.Json;
using System.Text.Json.Serialization;
using PointSystem.Domain.Results;

namespace PointSystem.Api.Ledger;

/// <summary>A refusal as stored for an idempotency key: without the trace id, which differs for each request.</summary>
internal sealed record StoredRefusal(string Code, PointErrorKind Kind, string Message, string? Field, long? Available, long? Requested)
{
    public static byte[] Write(PointError error)
    {
        var points = error as InsufficientPointError;
        var refusal = new StoredRefusal(error.Code, error.Kind, error.Message, error.Field, points?.Available, points?.Requested);
        return JsonSerializer.SerializeToUtf8Bytes(refusal, StoredRefusalJson.Default.StoredRefusal);
    }

    public static PointError Read(byte[] stored)
    {
        var refusal = JsonSerializer.Deserialize(stored, StoredRefusalJson.Default.StoredRefusal)
            ?? throw new InvalidOperationException("An idempotency key holds an empty refusal.");
        return refusal is { Available: { } available, Requested: { } requested }
            ? new InsufficientPointError(available, requested)
            : new PointError(refusal.Code, refusal.Kind, refusal.Message) { Field = refusal.Field };
    }
}

[JsonSerializable(typeof(StoredRefusal))]
internal sealed partial class StoredRefusalJson : JsonSerializerContext;
