using System.Text.Json.Nodes;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;
using PointSystem.Api.Features.Points.Queries;
using PointSystem.Api.Http;
using PointSystem.Api.Ledger;
using PointSystem.Api.OpenApi;
using PointSystem.Domain.Points;
using PointSystem.Domain.Results;
using PointSystem.Locking;
using PointSystem.ServiceDefaults;

namespace PointSystem.Api.Features.Points;

/// <summary>The route table of points.</summary>
internal static class PointEndpoints
{
    /// <summary>Registers what the points' commands and answers need beside the ledger.</summary>
    public static IHostApplicationBuilder AddPoints(this IHostApplicationBuilder builder)
    {
        builder.Services.AddSingleton<ILockModeSource, ConfiguredLockModes>();
        builder.Services.Configure<OpenApiOptions>(OpenApiExtensions.DocumentName, static options => options.AddSchemaTransformer<PointSchemas>());
        return builder;
    }

    public static void MapPoints(this IEndpointRouteBuilder app)
    {
        var points = app.MapGroup("/api/points").WithTags("Points");
        points.MapWrites();
        points.MapGroup("").CountsAsRead().MapReads();
    }

    private static void MapWrites(this RouteGroupBuilder points)
    {
        points.MapPost("/accumulate", AccumulatePoints.HandleAsync).WithName(nameof(AccumulatePoints))
            .WithSummary("Grants points to a member")
            .WithDescription("They are usable through the whole of their expiration date. A manual grant needs the admin role.")
            .Takes<AccumulatePoints.Request>("""{"memberId":7,"amount":1000,"expirationDays":365,"reason":"Review written"}""")
            .Answers<AccumulationResponse>(201, PointExamples.Accumulation)
            .RefusesWrite(PointErrorCodes.InvalidAmount, PointErrorCodes.InvalidRequest)
            .Refuses(401, ProblemCodes.Unauthorized).Refuses(403, ProblemCodes.Forbidden)
            .Refuses(422, PointErrorCodes.ExceededMaxAccumulation, PointErrorCodes.ExceededMaxBalance, PointErrorCodes.InvalidExpirationDate);
        points.MapPost("/accumulate/{pointKey}/cancel", CancelAccumulation.HandleAsync).WithName(nameof(CancelAccumulation))
            .WithSummary("Takes a whole accumulation back")
            .WithDescription("Only while nothing of it is in use and it has not expired.")
            .Takes<CancelAccumulation.Request>("""{"reason":"Order returned"}""", optional: true)
            .Answers<AccumulationResponse>(200, PointExamples.CancelledAccumulation)
            .RefusesWrite(PointErrorCodes.InvalidRequest)
            .Refuses(404, PointErrorCodes.AccumulationNotFound).Refuses(409, PointErrorCodes.AlreadyCancelled, PointErrorCodes.CannotCancelAccumulation);
        points.MapPost("/use", UsePoints.HandleAsync).WithName(nameof(UsePoints))
            .WithSummary("Spends points on an order")
            .WithDescription("All or nothing. Drawn from manual grants first, then by nearest expiration, then from the oldest.")
            .Takes<UsePoints.Request>("""{"memberId":7,"orderNumber":"A1234","amount":1200}""")
            .Answers<UsageResponse>(201, PointExamples.Usage)
            .RefusesWrite(PointErrorCodes.InvalidAmount, PointErrorCodes.InvalidOrderNumber, PointErrorCodes.InvalidRequest)
            .Refuses(409, PointErrorCodes.DuplicateOrder).Refuses(422, PointErrorCodes.InsufficientPoint);
        points.MapPost("/use/{pointKey}/cancel", CancelUsage.HandleAsync).WithName(nameof(CancelUsage))
            .WithSummary("Gives spent points back, all or part of them")
            .WithDescription("As often as something is left. What came from a lot that has expired since is granted anew.")
            .Takes<CancelUsage.Request>("""{"amount":600,"reason":"Part of the order returned"}""", optional: true)
            .Answers<CancellationResponse>(200, PointExamples.Cancellation)
            .RefusesWrite(PointErrorCodes.InvalidAmount, PointErrorCodes.InvalidRequest)
            .Refuses(404, PointErrorCodes.UsageNotFound).Refuses(409, PointErrorCodes.AlreadyCancelled).Refuses(422, PointErrorCodes.ExceededCancelAmount);
        points.MapPost("/transfer", TransferPoints.HandleAsync).WithName(nameof(TransferPoints))
            .WithSummary("Moves points from one member to another")
            .WithDescription("Drawn like a usage; every part keeps its expiration date.")
            .Takes<TransferPoints.Request>("""{"fromMemberId":7,"toMemberId":8,"amount":500,"reason":"Family account"}""")
            .Answers<TransferResponse>(201, PointExamples.Transfer)
            .RefusesWrite(PointErrorCodes.InvalidAmount, PointErrorCodes.InvalidRequest)
            .Refuses(422, PointErrorCodes.InsufficientPoint, PointErrorCodes.ExceededMaxBalance);
    }

    private static void MapReads(this RouteGroupBuilder points)
    {
        points.MapGet("/balance/{memberId}", GetBalance.HandleAsync).WithName(nameof(GetBalance))
            .WithSummary("What a member has, and the lots it lies in")
            .TakesQuery("asOf", "An instant with offset, or a date for the end of that business day; now when left out.")
            .TakesPage()
            .Answers<GetBalance.Response>(200, PointExamples.Balance)
            .Refuses(400, PointErrorCodes.InvalidRequest);
        points.MapGet("/history/{memberId}", GetHistory.HandleAsync).WithName(nameof(GetHistory))
            .WithSummary("What happened to a member's points, the newest first")
            .TakesQuery(
                "orderNumber",
                "Only what belongs to this order.",
                new OpenApiSchema { Type = JsonSchemaType.String, MinLength = 1, MaxLength = OrderNumbers.LengthMax })
            .TakesQuery(
                "kind",
                "Only this kind of entry.",
                new OpenApiSchema { Type = JsonSchemaType.String, Enum = [.. WireNames.Kinds.Select(kind => (JsonNode)kind)] })
            .TakesPage()
            .Answers<GetHistory.Response>(200, PointExamples.History)
            .Refuses(400, PointErrorCodes.InvalidRequest, PointErrorCodes.InvalidOrderNumber);
        points.MapGet("/history/{memberId}/entries", GetHistory.HandleEntriesAsync).WithName("GetHistoryEntries")
            .WithSummary("The entries of one item of the history that the history itself leaves out")
            .TakesPage(InnerLists.SizeMax, firstCursor: "the item's entriesNextCursor")
            .Answers<Page<HistoryEntry>>(200, PointExamples.HistoryEntries)
            .Refuses(400, PointErrorCodes.InvalidRequest);
        points.MapGet("/accumulations/{pointKey}", GetAccumulation.HandleAsync).WithName(nameof(GetAccumulation))
            .WithSummary("An accumulation, and every order that spent from it")
            .TakesPage(InnerLists.SizeMax)
            .Answers<GetAccumulation.Response>(200, PointExamples.AccumulationTrace)
            .Refuses(400, PointErrorCodes.InvalidRequest).Refuses(404, PointErrorCodes.AccumulationNotFound);
        points.MapGet("/use/{pointKey}", GetUsage.HandleAsync).WithName(nameof(GetUsage))
            .WithSummary("A usage, the lots it drew from, and its cancellations")
            .TakesPage(InnerLists.SizeMax)
            .Answers<GetUsage.Response>(200, PointExamples.UsageTrace)
            .Refuses(400, PointErrorCodes.InvalidRequest).Refuses(404, PointErrorCodes.UsageNotFound);
        points.MapGet("/use/{pointKey}/details", GetUsage.HandleDetailsAsync).WithName("GetUsageDetails")
            .WithSummary("The lots that a usage drew from, page by page")
            .TakesPage(InnerLists.SizeMax)
            .Answers<Page<UsageDetailResponse>>(200, PointExamples.UsageDetails)
            .Refuses(400, PointErrorCodes.InvalidRequest).Refuses(404, PointErrorCodes.UsageNotFound);
        points.MapGet("/cancellations/{pointKey}", GetCancellation.HandleAsync).WithName(nameof(GetCancellation))
            .WithSummary("A cancellation, and a page of what it gave back")
            .TakesPage(InnerLists.SizeMax)
            .Answers<CancellationResponse>(200, PointExamples.CancellationRead)
            .Refuses(400, PointErrorCodes.InvalidRequest).Refuses(404, ProblemCodes.NotFound);
        points.MapGet("/transfers/{pointKey}", GetTransfer.HandleAsync).WithName(nameof(GetTransfer))
            .WithSummary("A transfer, and a page of its details")
            .TakesPage(InnerLists.SizeMax)
            .Answers<TransferResponse>(200, PointExamples.Transfer)
            .Refuses(400, PointErrorCodes.InvalidRequest).Refuses(404, ProblemCodes.NotFound);
    }

    /// <summary>What every write can be refused for.</summary>
    private static RouteHandlerBuilder RefusesWrite(this RouteHandlerBuilder endpoint, params string[] invalid) => endpoint
        .TakesIdempotencyKey()
        .Refuses(400, invalid).Refuses(423, ProblemCodes.LockNotAcquired);
}
