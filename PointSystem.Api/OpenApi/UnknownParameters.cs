using PointSystem.Api.Http;

namespace PointSystem.Api.OpenApi;

internal static class UnknownParameters
{
    /// <summary>
    /// Refuses query parameters that the endpoint does not name in its document: <c>…/cancel?amount=10</c> must not cancel everything,
    /// nor a misspelt filter answer a whole list.
    /// </summary>
    public static WebApplication RefuseUnknownParameters(this WebApplication app)
    {
        app.Use(static (http, next) =>
        {
            // Pages, probes and metrics have no names; neither has what routing answers by itself.
            if (http.Request.QueryString.HasValue && http.GetEndpoint() is { } endpoint && endpoint.Metadata.GetMetadata<IEndpointNameMetadata>() is not null)
            {
                var known = endpoint.Metadata.OfType<ParameterDoc>().Where(parameter => !parameter.IsHeader).Select(parameter => parameter.Name).ToList();
                foreach (var name in http.Request.Query.Keys)
                {
                    // Names of parameters have no case, as everywhere in ASP.NET.
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
