using PointSystem.Api.Http;

namespace PointSystem.Api.OpenApi;

internal static class UnknownParameters
{
    /// <summary>
    /// Refuses query parameters that are not documented for the endpoint: <c>…/cancel?amount=10</c> must not cancel the whole amount, and
    /// a misspelt filter must not return the whole list.
    /// </summary>
    public static WebApplication RefuseUnknownParameters(this WebApplication app)
    {
        app.Use(static (http, next) =>
        {
            // Only API endpoints have names: pages, probes, metrics and the answers of routing itself have none.
            if (http.Request.QueryString.HasValue && http.GetEndpoint() is { } endpoint && endpoint.Metadata.GetMetadata<IEndpointNameMetadata>() is not null)
            {
                var known = endpoint.Metadata.OfType<ParameterDoc>().Where(parameter => !parameter.IsHeader).Select(parameter => parameter.Name).ToList();
                foreach (var name in http.Request.Query.Keys)
                {
                    // Parameter names are case-insensitive, as everywhere in ASP.NET Core.
                    if (!known.Contains(name, StringComparer.OrdinalIgnoreCase))
                    {
                        var field = Spelling.Shorten(name, "parameter");
                        return Problems.Invalid(field, Spelling.Describe(name, "parameter", known)).ExecuteAsync(http);
                    }
                }
            }

            return next(http);
        });
        return app;
    }
}
