using PointSystem.Api.Http;
using PointSystem.Api.Ledger;
using PointSystem.Api.Security;

namespace PointSystem.Api.Features.Reconciliation;

/// <summary>The route table of reconciliation; admin only.</summary>
internal static class ReconciliationEndpoints
{
    public static IHostApplicationBuilder AddReconciliation(this IHostApplicationBuilder builder)
    {
        builder.Services.AddSingleton<ReconciliationMetrics>();
        builder.Services.AddSingleton<MemberReconciler>();
        builder.Services.AddSingleton<RepeatableAnswers>();
        builder.Services.AddScoped<FullReconciler>();
        return builder;
    }

    public static void MapReconciliation(this IEndpointRouteBuilder app)
    {
        var reconciliation = app.MapGroup("/api/admin/points/reconciliation").WithTags("Reconciliation").RequireAuthorization(AuthPolicies.Admin);
        reconciliation.MapPost("/members/{memberId}", ReconcileMemberAsync).WithName("ReconcileMember");
        reconciliation.MapPost("/all", ReconcileAllAsync).WithName("ReconcileAll");
        reconciliation.MapGet("/all", GetRunAsync).WithName("GetReconciliationRun");
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
