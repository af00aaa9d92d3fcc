namespace PointSystem.Api.Features.Points;

/// <summary>The route table of points.</summary>
internal static class PointEndpoints
{
    public static void MapPoints(this IEndpointRouteBuilder app)
    {
        var points = app.MapGroup("/api/points").WithTags("Points");
        points.MapPost("/accumulate", AccumulatePoints.HandleAsync).WithName(nameof(AccumulatePoints));
        points.MapPost("/accumulate/{pointKey}/cancel", CancelAccumulation.HandleAsync).WithName(nameof(CancelAccumulation));
        points.MapPost("/use", UsePoints.HandleAsync).WithName(nameof(UsePoints));
        points.MapPost("/use/{pointKey}/cancel", CancelUsage.HandleAsync).WithName(nameof(CancelUsage));
        points.MapPost("/transfer", TransferPoints.HandleAsync).WithName(nameof(TransferPoints));
        points.MapGet("/balance/{memberId}", GetBalance.HandleAsync).WithName(nameof(GetBalance));
        points.MapGet("/history/{memberId}", GetHistory.HandleAsync).WithName(nameof(GetHistory));
        points.MapGet("/accumulations/{pointKey}", GetAccumulation.HandleAsync).WithName(nameof(GetAccumulation));
        points.MapGet("/use/{pointKey}", GetUsage.HandleAsync).WithName(nameof(GetUsage));
    }
}
