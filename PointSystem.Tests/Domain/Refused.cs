using PointSystem.Domain.Results;

namespace PointSystem.Tests.Domain;

internal static class Refused
{
    public static PointError With<T>(string code, PointErrorKind kind, Result<T> result)
        where T : class
    {
        Assert.Equal(code, result.Error?.Code);
        Assert.Equal(kind, result.Error!.Kind);
        Assert.Throws<InvalidOperationException>(() => result.Value);
        return result.Error;
    }
}
