using System.Buffers;
using System.Text.Json;
using PointSystem.Api.Features.Audit;
using PointSystem.Api.Features.Points;
using PointSystem.Api.Http;
using PointSystem.Api.OpenApi;
using PointSystem.Api.Persistence;
using PointSystem.Domain.Results;
using PointSystem.ServiceDefaults;

namespace PointSystem.Api.Features.Events;

/// <summary>GET /api/admin/ledger/export</summary>
internal static class LedgerExport
{
    /// <summary>The media type: one JSON object on each line.</summary>
    public const string MediaType = "application/x-ndjson";

    private const string After = "after";
    private const string Limit = "limit";
    private const int LimitDefault = 10_000;
    private const int LimitMax = 1_000_000;

    private const string Example =
        """
        {"cursor":"AAAAAAAAAwcAAAAAAAAABwAAAAAAAAAEk2nQ1c0A","memberId":7,"sequence":4,"kind":"USE","pointKey":"use_By-MsXGtLNWO8JGPmGdO_OI",
         "accumulationKey":"acc_B1z8CO5iksMvNGD0T2iJ2pg","orderNumber":"A1234","amount":-700,"balanceAfter":300,
         "occurredAt":"2026-11-23T00:08:20.009577+00:00","expirationDate":"2027-11-23","isManualGrant":false,"actor":"anonymous","reason":null}
        """;

    public static void MapLedgerExport(this IEndpointRouteBuilder app) =>
        app.MapAdmin("/api/admin/ledger").MapGet("/export", HandleAsync).WithTags("Events").WithName("ExportLedger").ReadsLatest()
            .WithSummary("Exports the ledger entries of all members, for a data warehouse")
            .WithDescription(
                "One JSON object on each line, in the order of events: entries of a member are in order, and no entry appears before a line that has been read. "
                + "Repeat the request with the `cursor` of the last complete line as `after`; if there is no further line, the export is up to date.")
            .TakesQuery(After, "The `cursor` of a line; omit it to start with the oldest entry.")
            .TakesCount(Limit, "Maximum number of lines.", LimitDefault, LimitMax)
            .Answers<LedgerExportLine>(200, Example, MediaType)
            .Refuses(400, PointErrorCodes.InvalidRequest).Refuses(503, ProblemCodes.EventsUnavailable);

    private static async Task<IResult> HandleAsync(HttpContext http, ReadSource source, ReadLimit reads)
    {
        if (!QueryTexts.TryRead(http, After, out var text, out var problem)
            || !QueryTexts.TryReadCount(http, Limit, LimitDefault, LimitMax, out var limit, out problem))
        {
            return problem;
        }

        var after = EventCursor.Start;
        if (text is not null && !LedgerCursor.TryParse(text, out after))
        {
            return Problems.Invalid(After, $"{After} must be the cursor of a line of this address, unchanged.");
        }

        using var read = await reads.TryEnterAsync(http, http.RequestAborted);
        if (read is null)
        {
            return reads.Refuse(http);
        }

        // Before the answer starts, so that what is refused is refused by a problem.
        return await LedgerFeed.ReadAsync(source.Database, after, Math.Min(limit, LedgerFeed.PageMax), http.RequestAborted) is { } page
            ? new Lines(page, limit, source, reads)
            : Problems.Invalid(
                After, $"{After} is ahead of the ledger of this database: it comes from another one, or from a state that has been replaced by a backup.");
    }

    /// <summary>The lines, sent while they are read. Between two pages there is no database connection and no place among the reads.</summary>
    private sealed class Lines(LedgerPage first, int limit, ReadSource source, ReadLimit reads) : IResult
    {
        public async Task ExecuteAsync(HttpContext httpContext)
        {
            var (body, cancellationToken) = (httpContext.Response.BodyWriter, httpContext.RequestAborted);
            httpContext.Response.ContentType = MediaType;
            var page = first;
            for (var left = limit; ;)
            {
                await using (var json = new Utf8JsonWriter(body, new JsonWriterOptions { Encoder = PointJsonContext.Wire.Options.Encoder }))
                {
                    foreach (var line in page.Lines)
                    {
                        json.Reset();
                        JsonSerializer.Serialize(json, line, PointJsonContext.Wire.LedgerExportLine);
                        await json.FlushAsync(cancellationToken);
                        body.Write("\n"u8);
                    }
                }

                // Waits while the caller's connection accepts no more.
                await body.FlushAsync(cancellationToken);
                left -= page.Lines.Count;
                if (left == 0 || page.Lines.Count < LedgerFeed.PageMax)
                {
                    return;
                }

                var (after, count) = (page.Next, Math.Min(left, LedgerFeed.PageMax));
                page = await reads.WaitForAsync(
                    httpContext,
                    () => source.ReadOnAsync(database => LedgerFeed.ReadAsync(database, after, count, cancellationToken), cancellationToken))
                    ?? throw new InvalidOperationException("The ledger ends before an entry of this export: the database has been set back meanwhile.");
            }
        }
    }
}
