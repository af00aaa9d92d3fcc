using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using PointSystem.Domain.Results;

namespace PointSystem.Api.Ledger;

/// <summary>The result of a command: an answer, ready to send, or a refusal.</summary>
/// <remarks>
/// The answer is serialized immediately, because later commands in the same transaction change the same objects.
/// </remarks>
internal sealed record CommandOutcome
{
    private CommandOutcome(int status, ReadOnlyMemory<byte> answer, PointError? error, bool isReplay)
    {
        Status = status;
        Answer = answer;
        Error = error;
        IsReplay = isReplay;
    }

    /// <summary>The outcome of work that has no HTTP request.</summary>
    public static CommandOutcome Done { get; } = new(StatusCodes.Status204NoContent, default, null, isReplay: false);

    /// <summary>HTTP status of an answer; 0 for a refusal, which has its status from its kind.</summary>
    public int Status { get; }

    /// <summary>UTF-8 JSON of an answer.</summary>
    public ReadOnlyMemory<byte> Answer { get; }

    public PointError? Error { get; }

    /// <summary>Whether it is the outcome of an earlier request with the same idempotency key.</summary>
    public bool IsReplay { get; private init; }

    public static CommandOutcome Accepted<T>(int status, T answer, JsonTypeInfo<T> type) =>
        new(status, JsonSerializer.SerializeToUtf8Bytes(answer, type), null, isReplay: false);

    /// <summary>The outcome for a result of the domain: its answer, or its refusal.</summary>
    public static CommandOutcome Of<TResult, TAnswer>(Result<TResult> result, int status, Func<TResult, TAnswer> answer, JsonTypeInfo<TAnswer> type)
        where TResult : class =>
        result.Error is { } error ? Refused(error) : Accepted(status, answer(result.Value), type);

    public static CommandOutcome Refused(PointError error) => new(0, default, error, isReplay: false);

    /// <summary>Reads what <see cref="Stored"/> wrote.</summary>
    public static CommandOutcome FromStored(short status, byte[] answer) =>
        status == 0
            ? new CommandOutcome(0, default, StoredRefusal.Read(answer), isReplay: true)
            : new CommandOutcome(status, answer, null, isReplay: true);

    public CommandOutcome AsReplay() => this with { IsReplay = true };

    /// <summary>The stored form, for the idempotency key.</summary>
    public (short Status, byte[] Answer) Stored() =>
        Error is { } error ? ((short)0, StoredRefusal.Write(error)) : ((short)Status, Answer.ToArray());
}
