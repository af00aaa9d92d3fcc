using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Json.Schema;

namespace PointSystem.Tests.Infrastructure;

/// <summary>
/// Checks the answers that all tests get from any process against the OpenAPI document: the operation must declare the status, and the body
/// must conform to its schema.
/// </summary>
internal static class OpenApiContract
{
    // For each operation and status: load tests get the same answer ten thousand times.
    private const int CheckedMax = 100;
    private static readonly SemaphoreSlim Gate = new(1);
    private static readonly ConcurrentDictionary<(string Operation, string Status), int> Checked = new();
    private static IReadOnlyList<Operation>? s_operations;

    [ModuleInitializer]
    internal static void Install() => PointsClient.Check = CheckAsync;

    /// <summary>The operations of a document.</summary>
    public static IReadOnlyList<Operation> Read(JsonNode document)
    {
        var definitions = document["components"]!["schemas"]!.ToJsonString().Replace("#/components/schemas/", "#/$defs/", StringComparison.Ordinal);
        JsonSchema SchemaOf(JsonNode schema) => JsonSchema.FromText(
            $$"""{"allOf":[{{schema.ToJsonString().Replace("#/components/schemas/", "#/$defs/", StringComparison.Ordinal)}}],"$defs":{{definitions}}}""");
        return
        [
            .. from path in document["paths"]!.AsObject()
               from operation in path.Value!.AsObject()
               select new Operation(
                   operation.Value!["operationId"]!.GetValue<string>(),
                   HttpMethod.Parse(operation.Key),
                   new Regex("^" + Regex.Replace(path.Key, "\\{[^}]+\\}", "[^/]+") + "$", RegexOptions.CultureInvariant),
                   operation.Value["responses"]!.AsObject().ToDictionary(
                       response => response.Key,
                       response => response.Value!["content"]?.AsObject().Select(content => SchemaOf(content.Value!["schema"]!)).FirstOrDefault())),
        ];
    }

    /// <summary>The errors of a body, or null if it conforms.</summary>
    public static string? FindFault(JsonSchema schema, string body)
    {
        using var json = JsonDocument.Parse(body);
        var result = schema.Evaluate(json.RootElement, new EvaluationOptions { OutputFormat = OutputFormat.List, RequireFormatValidation = true });
        return result.IsValid
            ? null
            : string.Join("; ", (result.Details ?? []).Where(detail => detail.Errors is not null)
                .SelectMany(detail => detail.Errors!.Select(error => $"{detail.InstanceLocation} {error.Key}: {error.Value}")));
    }

    private static async Task CheckAsync(HttpMethod method, Uri url, Answer answer)
    {
        if (!url.AbsolutePath.StartsWith("/api/", StringComparison.Ordinal) || !answer.ContentType.Contains("json", StringComparison.Ordinal)
            || await OperationsAsync(url, answer.Status) is not { } operations
            || operations.FirstOrDefault(one => one.Method == method && one.Path.IsMatch(url.AbsolutePath)) is not { } operation)
        {
            return;
        }

        var status = ((int)answer.Status).ToString(CultureInfo.InvariantCulture);
        if (Checked.AddOrUpdate((operation.Name, status), 1, (_, times) => times + 1) > CheckedMax)
        {
            return;
        }

        Assert.True(
            operation.Answers.TryGetValue(status, out var schema),
            $"{operation.Name} answered {status}, which the OpenAPI document does not declare: {answer.Text}");
        // One JSON value on each line of application/x-ndjson.
        var bodies = answer.ContentType.Contains("ndjson", StringComparison.Ordinal)
            ? answer.Text.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            : [answer.Text];
        var fault = schema is null
            ? "the document declares no body"
            : bodies.Take(CheckedMax).Select(body => FindFault(schema, body)).FirstOrDefault(found => found is not null);
        Assert.True(fault is null, $"{operation.Name} answered {status} with {answer.Text}, which violates the OpenAPI document: {fault}");
    }

    // Fetched after a process has answered successfully, so that the process is there to serve the document.
    private static async Task<IReadOnlyList<Operation>?> OperationsAsync(Uri url, HttpStatusCode status)
    {
        if (s_operations is not null || (int)status >= 300)
        {
            return s_operations;
        }

        await Gate.WaitAsync();
        try
        {
            using var client = new HttpClient { Timeout = TimeSpan.FromSeconds(10) };
            return s_operations ??= Read(JsonNode.Parse(await client.GetStringAsync(new Uri(url, "/openapi/v1.json")))!);
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException or JsonException)
        {
            // Production and a process that is being killed do not serve the document. The next answer tries again.
            return null;
        }
        finally
        {
            Gate.Release();
        }
    }

    /// <param name="Name">The operation id.</param>
    /// <param name="Method">The HTTP method.</param>
    /// <param name="Path">Matches the operation's paths.</param>
    /// <param name="Answers">The schema for each status; null for an answer without body.</param>
    internal sealed record Operation(string Name, HttpMethod Method, Regex Path, IReadOnlyDictionary<string, JsonSchema?> Answers);
}
