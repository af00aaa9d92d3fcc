using System.Text.Json;
using System.Text.Json.Nodes;
using PointSystem.Api.Http;
using PointSystem.Domain.Results;
using PointSystem.ServiceDefaults;

namespace PointSystem.Api.OpenApi;

/// <summary>An example problem for a code, made by the same code as real ones.</summary>
internal static class ProblemExamples
{
    private const string TraceId = "4bf92f3577b34da6a3ce929d0e0e4736";

    public static JsonNode? Of(int status, string code) =>
        JsonSerializer.SerializeToNode(Make(status, code) with { TraceId = TraceId }, ProblemJsonContext.Wire.Problem);

    private static Problem Make(int status, string code) => code switch
    {
        PointErrorCodes.InvalidAmount => Problems.Invalid("amount", "amount must be at least 1.", code).Value,
        PointErrorCodes.InvalidOrderNumber => Problems.Invalid("orderNumber", "orderNumber is required and must not be blank.", code).Value,
        PointErrorCodes.InvalidRequest => Problems.Invalid("memberId", "memberId is required.").Value,
        PointErrorCodes.InsufficientPoint => Problem.Of(code, new InsufficientPointError(300, 1000).Message) with { Available = 300, Requested = 1000 },
        PointErrorCodes.AccumulationNotFound or PointErrorCodes.UsageNotFound =>
            Problem.Of(code, "There is no record of this type with the point key."),
        PointErrorCodes.ConfigNotFound => Problem.Of(code, "There is no configuration key 'MAX_BALANCE'."),
        PointErrorCodes.InvalidConfigValue =>
            Problem.Of(code, "MAX_BALANCE_PER_MEMBER must be a whole number from 1 to 1000000000000, digits only."),
        ProblemCodes.VersionNotReached => Problems.VersionNotReached(7, 4, 5).Value,
        ProblemCodes.LockNotAcquired => Problems.LockNotAcquired().Value,
        ProblemCodes.TooManyRequests => Problems.TooManyRequests().Value,
        ProblemCodes.EventsUnavailable => Problems.EventsUnavailable().Value,
        ProblemCodes.DatabaseUnavailable => Problems.DatabaseUnavailable().Value,
        _ when status is >= 400 and < 500 and not (409 or 422) => Problems.ForStatus(status).Value,
        ProblemCodes.InternalError => Problems.InternalError().Value,
        _ => Problem.Of(code, "A sentence that says what was refused, with the values involved."),
    };
}
