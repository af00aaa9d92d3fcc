using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace PointSystem.TestKit;

/// <summary>Calls the API like a user: over HTTP, in JSON.</summary>
public sealed class PointsClient : IDisposable
{
    private static long s_lastMember = Random.Shared.NextInt64(1_000_000, 1_000_000_000) * 1_000;

    private readonly HttpClient _http;

    public PointsClient(Uri baseAddress, string? token = null)
    {
        _http = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = baseAddress, Timeout = TimeSpan.FromSeconds(30) };
        if (token is not null)
        {
            _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        }
    }

    /// <summary>Called with every answer, and may throw; the tests validate the answers against the OpenAPI document.</summary>
    public static Func<HttpMethod, Uri, Answer, Task> Check { get; set; } = static (_, _, _) => Task.CompletedTask;

    /// <summary>Returns a member that no other test uses, so that tests can share a database.</summary>
    public static long NewMember() => Interlocked.Increment(ref s_lastMember);

    public Task<Answer> AccumulateAsync(
        long memberId, long amount, int? expirationDays = null, bool isManualGrant = false, string? idempotencyKey = null) =>
        PostAsync("/api/points/accumulate", new { memberId, amount, expirationDays, isManualGrant }, idempotencyKey);

    public Task<Answer> UseAsync(long memberId, string orderNumber, long amount, string? idempotencyKey = null) =>
        PostAsync("/api/points/use", new { memberId, orderNumber, amount }, idempotencyKey);

    public Task<Answer> CancelUsageAsync(string pointKey, long? amount = null, string? idempotencyKey = null) =>
        PostAsync($"/api/points/use/{pointKey}/cancel", new { amount }, idempotencyKey);

    public Task<Answer> CancelAccumulationAsync(string pointKey) =>
        PostAsync($"/api/points/accumulate/{pointKey}/cancel", new { }, idempotencyKey: null);

    public Task<Answer> TransferAsync(long fromMemberId, long toMemberId, long amount, string? idempotencyKey = null) =>
        PostAsync("/api/points/transfer", new { fromMemberId, toMemberId, amount }, idempotencyKey);

    public async Task<long> BalanceAsync(long memberId)
    {
        var answer = await GetAsync($"/api/points/balance/{memberId}");
        return answer.Expect(HttpStatusCode.OK).NumberOf("balance");
    }

    public Task<Answer> GetAsync(string path, params (string Name, string Value)[] headers)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, path);
        foreach (var (name, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        return SendAsync(request);
    }

    /// <summary>Reads with the header <c>X-Min-Version</c>; without it if there is no version.</summary>
    public Task<Answer> GetAsync(string path, long? minVersion, params (string Name, string Value)[] headers) => minVersion is { } lowest
        ? GetAsync(path, [.. headers, ("X-Min-Version", lowest.ToString(CultureInfo.InvariantCulture))])
        : GetAsync(path, headers);

    public Task<Answer> PutAsync(string path, object body) =>
        SendAsync(new HttpRequestMessage(HttpMethod.Put, path) { Content = JsonContent.Create(body) });

    public Task<Answer> PostAsync(string path, object body, string? idempotencyKey = null) =>
        PostAsync(path, JsonContent.Create(body), idempotencyKey);

    public Task<Answer> PostAsync(string path, HttpContent content, string? idempotencyKey = null)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = content };
        if (idempotencyKey is not null)
        {
            request.Headers.Add("Idempotency-Key", idempotencyKey);
        }

        return SendAsync(request);
    }

    public async Task<Answer> SendAsync(HttpRequestMessage request)
    {
        using (request)
        {
            using var response = await _http.SendAsync(request);
            var text = await response.Content.ReadAsStringAsync();
            var answer = new Answer(response.StatusCode, text, response.Headers.ToDictionary(header => header.Key, header => string.Join(",", header.Value)))
            {
                ContentType = response.Content.Headers.ContentType?.ToString() ?? "",
            };
            await Check(request.Method, new Uri(_http.BaseAddress!, request.RequestUri!), answer);
            return answer;
        }
    }

    public void Dispose() => _http.Dispose();
}

/// <summary>The answer of the API.</summary>
public sealed record Answer(HttpStatusCode Status, string Text, IReadOnlyDictionary<string, string> Headers)
{
    /// <summary>The media type of the body; empty when there is none.</summary>
    public string ContentType { get; init; } = "";

    public JsonNode Json => JsonNode.Parse(Text) ?? throw new JsonException("The answer is null.");

    public string Code => TextOf("code");

    /// <summary>The value of the header <c>Retry-After</c>.</summary>
    public TimeSpan RetryAfter => TimeSpan.FromSeconds(int.Parse(Headers["Retry-After"], CultureInfo.InvariantCulture));

    public string TextOf(string name) => Json[name]?.GetValue<string>() ?? throw new JsonException($"No '{name}' in {Text}");

    public long NumberOf(string name) => Json[name]?.GetValue<long>() ?? throw new JsonException($"No '{name}' in {Text}");

    /// <summary>
    /// Returns the log entries for the trace id of an internal error; the tests look them up in the logs of their clusters.
    /// </summary>
    public static Func<string, string> LogOf { get; set; } = static _ => "";

    /// <summary>Returns the answer if it has the given status.</summary>
    /// <exception cref="UnexpectedAnswerException">It has another status. The message contains the whole answer, and for an internal
    /// error what the replica logged.</exception>
    public Answer Expect(HttpStatusCode status) => Status == status
        ? this
        : throw new UnexpectedAnswerException(
            $"Expected {(int)status}, got {(int)Status}: {Text}{(Status == HttpStatusCode.InternalServerError ? $"\n{LogOf(TextOf("traceId"))}" : "")}");
}

/// <summary>An answer has an unexpected status.</summary>
public sealed class UnexpectedAnswerException(string message) : Exception(message);
