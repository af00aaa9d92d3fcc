using PointSystem.Api.Http;
using PointSystem.Api.Ledger;
using PointSystem.Api.OpenApi;
using PointSystem.Api.Security;

namespace PointSystem.Api.Features.Reconciliation;

/// <summary>The route table of reconciliation; admin only.</summary>
internal static class ReconciliationEndpoints
{
    private const string MemberExample =
        """{"memberId":7,"status":"MATCHED","walletBalance":300,"ledgerBalance":300,"lotsBalance":300,"findings":[]}""";

    private const string RunExample =
        """{"runId":3,"status":"COMPLETED","resumed":false,"members":1200,"matched":1200,"corrected":0,"broken":0,"lastMemberId":98231,"startedAt":"2026-11-23T03:00:00+00:00","updatedAt":"2026-11-23T03:00:04+00:00","finishedAt":"2026-11-23T03:00:04+00:00","details":[]}""";

    public static IHostApplicationBuilder AddReconciliation(this IHostApplicationBuilder builder)
    {
        builder.Services.AddOptions<ReconciliationOptions>()
            .BindConfiguration(ReconciliationOptions.SectionName).ValidateDataAnnotations().ValidateOnStart();
        builder.Services.AddSingleton<ReconciliationMetrics>();
        builder.Services.AddHostedService(services => services.GetRequiredService<ReconciliationMetrics>());
        builder.Services.AddSingleton<MemberReconciler>();
        builder.Services.AddSingleton<RepeatableAnswers>();
        builder.Services.AddScoped<FullReconciler>();
        return builder;
    }

    public static void MapReconciliation(this IEndpointRouteBuilder app)
    {
        var reconciliation = app.MapGroup("/api/admin/points/reconciliation").WithTags("Reconciliation").RequireAuthorization(AuthPolicies.Admin);
        reconciliation.MapPost("/members/{memberId}", ReconcileMemberAsync).WithName("ReconcileMember")
            .WithSummary("Checks one member's books, and puts derived figures right")
            .Answers<MemberReport>(200, MemberExample)
            .TakesIdempotencyKey().Refuses(400, "INVALID_REQUEST").Refuses(423, "LOCK_NOT_ACQUIRED");
        reconciliation.MapPost("/all", ReconcileAllAsync).WithName("ReconcileAll")
            .WithSummary("Checks every member's books")
            .WithDescription("Goes on where an interrupted run stopped. One run at a time: while another is under way this is locked.")
            .Answers<RunReport>(200, RunExample)
            .TakesIdempotencyKey().Refuses(400, "INVALID_REQUEST").Refuses(423, "LOCK_NOT_ACQUIRED");
        reconciliation.MapGet("/all", GetRunAsync).WithName("GetReconciliationRun")
            .WithSummary("How far the latest run over all members has come")
            .Answers<RunReport>(200, RunExample)
            .Refuses(404, "NOT_FOUND");
    }

    private static async Task<IResult> ReconcileMemberAsync(string memberId, HttpContext http, MemberReconciler reconciler, RepeatableAnswers answers)
    {
        if (!MemberIds.TryRead(memberId, "memberId", out var id, out var problem) || !IdempotencyKeys.TryRead(http, out var key, out problem))
        {
            return problem;
        }

        var idempotency = Idempotency.For(key, "reconcile-member", id);
        return await answers.GetAsync(idempotency, id, PointJsonContext.Wire.MemberReport, reconciler.ReconcileAsync, http.RequestAborted);
    }

    private static async Task<IResult> ReconcileAllAsync(HttpContext http, FullReconciler reconciler, RepeatableAnswers answers)
    {
        if (!IdempotencyKeys.TryRead(http, out var key, out var problem))
        {
            return problem;
        }

        var idempotency = Idempotency.For(key, "reconcile-all");
        return await answers.GetAsync(
            idempotency, 0, PointJsonContext.Wire.RunReport, (_, token) => reconciler.RunAsync(http.User.Actor(), token), http.RequestAborted);
    }

    private static async Task<IResult> GetRunAsync(HttpContext http, FullReconciler reconciler) =>
        await reconciler.FindLatestAsync(http.RequestAborted) is { } run
            ? TypedResults.Json(run, PointJsonContext.Wire.RunReport)
            : Problems.NotFound("No reconciliation of all members has been run yet.");
}
