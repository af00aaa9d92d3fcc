using System.Text.Json.Serialization;
using PointSystem.ServiceDefaults;

namespace PointSystem.Api.Http;

/// <summary>The body of every 4xx and 5xx answer: RFC 9457 problem details with a stable code.</summary>
internal sealed record Problem
{
    /// <summary>URI of the problem type; one for each code.</summary>
    public required string Type { get; init; }

    /// <summary>The problem type in a few words; the same for all problems with this code.</summary>
    public required string Title { get; init; }

    /// <summary>The HTTP status.</summary>
    public required int Status { get; init; }

    /// <summary>What happened in this case, as a sentence for people.</summary>
    public required string Detail { get; init; }

    /// <summary>The code for programs to evaluate, e.g. <c>INSUFFICIENT_POINT</c>.</summary>
    public required string Code { get; init; }

    /// <summary>W3C trace id. Quote it in support requests: logs and traces are found by it.</summary>
    public string TraceId { get; init; } = "";

    /// <summary>With status 400: for each invalid field, what is wrong with it.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyDictionary<string, string[]>? Errors { get; init; }

    /// <summary>With <c>INSUFFICIENT_POINT</c>: the points that the member can use.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public long? Available { get; init; }

    /// <summary>With <c>INSUFFICIENT_POINT</c>: the points requested.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public long? Requested { get; init; }

    /// <summary>A problem whose type, title and status follow from its code (<see cref="ProblemCodes"/>).</summary>
    public static Problem Of(string code, string detail)
    {
        var published = ProblemCodes.Get(code);
        return new Problem { Type = published.Type, Title = published.Title, Status = published.Status, Detail = detail, Code = code };
    }
}
